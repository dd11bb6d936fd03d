import { apiVersionOf } from "../../fission/ResourceKind.mjs";
import { RawObject } from "../RawKind.mjs";
import { servedKinds } from "../ServedKinds.mjs";
import { Effect, Result, Schema } from "effect";
import { parseAllDocuments } from "yaml";
import { dirname, extname, join } from "node:path";
import { readFile, readdir, stat } from "node:fs/promises";
// src/devcluster/manifests/ManifestFiles.ts
const ArchiveUploadSpec = Schema.Struct({
	name: Schema.NonEmptyString,
	include: Schema.Array(Schema.String)
});
const List = Schema.Struct({ items: Schema.Array(Schema.Unknown) });
const Named = Schema.Struct({
	apiVersion: Schema.NonEmptyString,
	kind: Schema.NonEmptyString,
	metadata: Schema.Struct({ name: Schema.NonEmptyString })
});
const decodeArchive = Schema.decodeUnknownResult(ArchiveUploadSpec);
const decodeList = Schema.decodeUnknownResult(List);
const decodeNamed = Schema.decodeUnknownResult(Named);
const decodeObject = Schema.decodeUnknownResult(RawObject);
const nothing = {
	manifests: [],
	archives: [],
	problems: []
};
/** Reads a file, or the YAML and JSON files of a folder in the order of their names. What cannot be read is a problem. */
const read = (path) => filesOf(path).pipe(Effect.flatMap((files) => Effect.forEach(files, readOne)), Effect.map(joined), Effect.catch(asProblem));
const readOne = (file) => reading(file, () => readFile(file, "utf8")).pipe(Effect.map((text) => parse$1(file, text)), Effect.catch(asProblem));
const asProblem = (problem) => Effect.succeed({
	...nothing,
	problems: [problem]
});
const joined = (sets) => ({
	manifests: sets.flatMap(({ manifests }) => manifests),
	archives: sets.flatMap(({ archives }) => archives),
	problems: sets.flatMap(({ problems }) => problems)
});
/** A file that changes while it is read, or is not there yet, may be read later. */
const reading = (file, read) => Effect.tryPromise({
	try: read,
	catch: (cause) => ({
		file,
		problem: cause instanceof Error ? cause.message : String(cause),
		mayPassLater: true
	})
});
const filesOf = (path) => reading(path, async () => {
	if ((await stat(path)).isFile()) return [path];
	return (await readdir(path)).filter((name) => [
		".yaml",
		".yml",
		".json"
	].includes(extname(name))).sort().map((name) => join(path, name));
});
/** The objects of one file; a document that is none is a problem of its own, the others count. Pure. */
const parse$1 = (file, text) => joined([...parseAllDocuments(text)].map((document) => {
	const [error] = document.errors;
	if (error !== void 0) return problem(file, error.message.split("\n")[0] ?? "no YAML");
	const value = document.toJS();
	return value === null ? nothing : classify(file, value);
}));
const problem = (file, text) => ({
	...nothing,
	problems: [{
		file,
		problem: text,
		mayPassLater: false
	}]
});
const classify = (file, value) => {
	const kind = typeof value === "object" && value !== null && "kind" in value ? value.kind : void 0;
	if (kind === void 0 && extname(file) === ".json") return nothing;
	switch (kind) {
		case "DeploymentConfig": return nothing;
		case "ArchiveUploadSpec": {
			const archive = decodeArchive(value);
			return Result.isSuccess(archive) ? {
				...nothing,
				archives: [{
					file,
					folder: dirname(file),
					...archive.success
				}]
			} : problem(file, `ArchiveUploadSpec: ${oneLine(archive.failure.message)}`);
		}
		case "List": {
			const list = decodeList(value);
			return Result.isSuccess(list) ? joined(list.success.items.map((item) => classify(file, item))) : problem(file, `List: ${oneLine(list.failure.message)}`);
		}
	}
	return manifestOf(file, value);
};
const manifestOf = (file, value) => {
	const named = Result.flatMap(decodeNamed(value), () => decodeObject(value));
	if (Result.isFailure(named)) return problem(file, oneLine(named.failure.message));
	const object = named.success;
	const kind = servedKinds.find((one) => one.kind === object["kind"] && apiVersionOf(one) === object["apiVersion"]);
	if (kind === void 0) return problem(file, `nobody serves ${object["apiVersion"]} ${object["kind"]}`);
	const { annotations, labels, name, namespace } = object.metadata;
	const metadata = {
		name,
		...kind.namespaced ? { namespace: namespace ?? "default" } : {},
		...labels ? { labels } : {},
		...annotations ? { annotations } : {}
	};
	return {
		...nothing,
		manifests: [{
			file,
			kind,
			object: {
				...object,
				metadata
			}
		}]
	};
};
const oneLine = (text) => text.replace(/\s*\n\s*/gu, " ");
export { read };
