import { numberIn } from "./ApiRequest.mjs";
import { fieldSelector } from "./FieldSelector.mjs";
import { labelSelector } from "./LabelSelector.mjs";
import { badRequest, expired, invalidOption, tooLargeVersion } from "./Status.mjs";
import { Result, Schema } from "effect";
// src/devcluster/ListPage.ts
/** The objects that a list or a watch is about. Throws a 400 `StatusError` for selectors that cannot be read. */
const selectionOf = (path, query) => {
	const labels = labelSelector(query.get("labelSelector") ?? "");
	const fields = fieldSelector(query.get("fieldSelector") ?? "", path.kind);
	return {
		namespace: path.namespace,
		matches: (object) => labels(object) && fields(object)
	};
};
/** A version as a client writes it; empty is undefined. Throws what `refuse` makes of one that is no number. */
const versionOf = (query, refuse) => {
	const text = query.get("resourceVersion") ?? "";
	if (text === "") return void 0;
	if (/^\d+$/u.test(text)) return Number(text);
	throw refuse(`resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`);
};
/**
* One page of a list, as of the version of the first page or of `resourceVersionMatch=Exact`, else as of now. The token
* is the last name seen and that version. Throws `StatusError`: 400 for a token or version that cannot be read, 410 for
* one older than the history, 422 for options that contradict each other, 504 for a version that is not reached yet.
*/
const listPage = (store, path, query, projection) => {
	const after = tokenIn(query);
	const asked = askedVersion(query, after);
	if (asked !== void 0 && asked > store.version) throw tooLargeVersion(asked, store.version);
	const exact = query.get("resourceVersionMatch") === "Exact" ? asked : void 0;
	if (exact !== void 0 && exact < store.floor) throw expired("The resourceVersion for the provided list is too old.");
	if (after !== void 0 && after.version !== newest && after.version < store.floor) throw expiredToken(after);
	numberIn(query, "timeoutSeconds");
	if (query.has("sendInitialEvents")) throw invalidOption("sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list");
	const limit = asked === 0 ? 0 : numberIn(query, "limit") ?? 0;
	const version = after === void 0 || after.version === newest ? exact ?? store.version : after.version;
	const all = store.list(path.kind, selectionOf(path, query), version);
	const rest = after === void 0 ? all : all.filter((object) => idOf(object) > after.id);
	const page = limit > 0 ? rest.slice(0, limit) : rest;
	const last = page.at(-1);
	const more = last !== void 0 && page.length < rest.length;
	return projection.list(page, {
		resourceVersion: String(version),
		...more ? {
			continue: encodeToken({
				version,
				id: idOf(last)
			}),
			remainingItemCount: rest.length - page.length
		} : {}
	});
};
/** The version of the list that is asked for. Throws a 422 `StatusError` for one that cannot be meant. */
const askedVersion = (query, after) => {
	const match = query.get("resourceVersionMatch") ?? "";
	const asked = versionOf(query, (problem) => badRequest(`invalid resource version: ${problem}`));
	if (match !== "") {
		const problem = (why) => invalidOption("resourceVersionMatch", `Forbidden: ${why}`);
		if (after !== void 0) throw problem("resourceVersionMatch is forbidden when continue is provided");
		if (asked === void 0) throw problem("resourceVersionMatch is forbidden unless resourceVersion is provided");
		if (match === "Exact" && asked === 0) throw problem("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
		if (match !== "Exact" && match !== "NotOlderThan") {
			const supported = `Unsupported value: "${match}": supported values: "Exact", "NotOlderThan", ""`;
			throw invalidOption("resourceVersionMatch", supported, "FieldValueNotSupported");
		}
	}
	return asked;
};
const idOf = (object) => `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
/** Instead of a version in a token: go on with what there is now. */
const newest = -1;
const Token = Schema.Struct({
	version: Schema.Int,
	id: Schema.String
});
const encodeToken = (token) => Buffer.from(JSON.stringify(token)).toString("base64url");
const tokenIn = (query) => {
	const token = query.get("continue") ?? "";
	if (token === "") return void 0;
	const decoded = decodeTokenText(Buffer.from(token, "base64url").toString("utf8"));
	if (Result.isSuccess(decoded)) return decoded.success;
	throw badRequest("invalid continue token: continue key is not valid: it cannot be decoded");
};
const decodeTokenText = Schema.decodeUnknownResult(Schema.fromJsonString(Token));
/** Carries a token that goes on where the list broke off, at the price of consistency. */
const expiredToken = (token) => expired("The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.", { continue: encodeToken({
	...token,
	version: newest
}) });
export { listPage, selectionOf, versionOf };
