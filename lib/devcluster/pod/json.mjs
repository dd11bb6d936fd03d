// src/devcluster/pod/json.ts
/** Whether this is an object with fields. */
const isJson = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** What stands at a path of fields; undefined as soon as one is missing. */
const at = (value, ...path) => path.reduce((held, field) => isJson(held) ? held[field] : void 0, value);
/** The text at a path of fields; empty when there is none. */
const textAt = (value, ...path) => {
	const found = at(value, ...path);
	return typeof found === "string" ? found : "";
};
/** The list at a path of fields; empty when there is none. */
const listAt = (value, ...path) => {
	const found = at(value, ...path);
	return Array.isArray(found) ? found : [];
};
export { at, isJson, listAt, textAt };
