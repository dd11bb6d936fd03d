import { at, isJson, listAt, textAt } from "./json.mjs";
// src/devcluster/pod/specializeRequest.ts
/** Reads the body of `/fetch`. Throws when it is no JSON object. */
const parseFetchRequest = (text) => fetchRequest(parseObject(text));
/** Reads the body of `/specialize`. Throws when it is no JSON object. */
const parseSpecializeRequest = (text) => {
	const request = parseObject(text);
	const load = at(request, "LoadReq");
	const metadata = at(load, "FunctionMetadata");
	return {
		fetch: fetchRequest(at(request, "FetchReq")),
		load: {
			environmentVersion: numberAt(load, "envVersion"),
			stateKeyspace: textAt(load, "stateKeyspace"),
			functionNamespace: isJson(metadata) ? textAt(metadata, "namespace") : void 0,
			body: isJson(load) ? load : {}
		}
	};
};
const parseObject = (text) => {
	const value = JSON.parse(text);
	if (isJson(value)) return value;
	throw new Error("the request is no JSON object");
};
const fetchRequest = (value) => ({
	fetchType: numberAt(value, "fetchType"),
	package: {
		namespace: textAt(value, "package", "namespace"),
		name: textAt(value, "package", "name"),
		resourceVersion: textAt(value, "package", "resourceVersion")
	},
	url: textAt(value, "url"),
	filename: textAt(value, "filename"),
	secrets: mounts(value, "secretList"),
	configMaps: mounts(value, "configMapList"),
	keepArchive: at(value, "keeparchive") === true
});
const mounts = (value, field) => listAt(value, field).map((entry) => ({
	namespace: textAt(entry, "namespace"),
	name: textAt(entry, "name"),
	mountPath: textAt(entry, "mountPath")
}));
/** 0 where there is none, as Go reads an absent number. */
const numberAt = (value, field) => {
	const found = at(value, field);
	return typeof found === "number" ? found : 0;
};
export { parseFetchRequest, parseSpecializeRequest };
