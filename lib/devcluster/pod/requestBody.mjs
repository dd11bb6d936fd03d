import { BodyTooLarge, readBody } from "./podProcess.mjs";
import { parse } from "node:querystring";
// src/devcluster/pod/requestBody.ts
/** A request that the body parsers refuse, with the status and text of the answer. */
var BodyRefused = class extends Error {
	status;
	constructor(status, message) {
		super(message);
		this.status = status;
	}
};
const units = {
	b: 1,
	kb: 1024,
	mb: 1024 ** 2,
	gb: 1024 ** 3
};
/** Bytes of a size as `BODY_PARSER_LIMIT` writes it: `1mb`, `512kb`, `1000`. */
const bytesOf = (size) => {
	const [, amount = "", unit = "b"] = /^(\d+(?:\.\d+)?)\s*(b|kb|mb|gb)?$/u.exec(size.trim().toLowerCase()) ?? [];
	return amount === "" ? bytesOf("1mb") : Math.floor(Number(amount) * (units[unit] ?? 1));
};
/**
* The body as the stock runtime's parsers give it (function-pod-protocol.md section 10.3): an object for JSON and forms,
* text for text types, bytes for `application/octet-stream`, and an empty object for everything else.
*/
const parseBody = async (request, limit) => {
	const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
	const parser = parserOf(type);
	if (parser === void 0 || !hasBody(request)) return {};
	const bytes = await readBody(request, limit).catch((cause) => {
		throw cause instanceof BodyTooLarge ? new BodyRefused(413, "request entity too large") : cause;
	});
	return bytes.length === 0 ? {} : parser(bytes);
};
const hasBody = ({ headers }) => headers["transfer-encoding"] !== void 0 || Number(headers["content-length"] ?? 0) > 0;
const parserOf = (type) => {
	if (type === "application/json") return parseJson;
	if (type === "application/x-www-form-urlencoded") return (bytes) => ({ ...parse(bytes.toString("utf8")) });
	if (type === "application/octet-stream") return (bytes) => bytes;
	return type.startsWith("text/") ? (bytes) => bytes.toString("utf8") : void 0;
};
/** Objects and lists alone, as the stock parser's strict mode wants them. */
const parseJson = (bytes) => {
	try {
		const value = JSON.parse(bytes.toString("utf8"));
		if (typeof value === "object" && value !== null) return value;
	} catch (cause) {
		throw new BodyRefused(400, cause instanceof Error ? cause.message : "invalid JSON");
	}
	throw new BodyRefused(400, "the JSON body is neither an object nor a list");
};
export { BodyRefused, bytesOf, parseBody };
