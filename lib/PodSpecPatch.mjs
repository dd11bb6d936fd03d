import { Result } from "effect";
import { readFileSync } from "node:fs";
import { V1Container } from "@kubernetes/client-node/dist/gen/models/V1Container.js";
import { V1PodSpec } from "@kubernetes/client-node/dist/gen/models/V1PodSpec.js";
import { parseDocument } from "yaml";
// src/PodSpecPatch.ts
/**
* The patch in a file; empty when there is no file. Fails with one line for a person where the file cannot be read or
* is not exactly a pod spec: a patch that is understood by half is worse than none (poolmgr.md section 6.6).
*/
const readPodSpecPatch = (file) => {
	const text = Result.try({
		try: () => readFileSync(file, "utf8"),
		catch: (cause) => cause
	});
	const orEmpty = Result.orElse(text, (cause) => isMissing(cause) ? Result.succeed("") : Result.fail(String(cause)));
	return Result.flatMap(orEmpty, parsePodSpecPatch);
};
const isMissing = (cause) => cause instanceof Error && "code" in cause && cause.code === "ENOENT";
/** The patch in a text of strict YAML: one document, no key twice, no field that pods or containers do not have. */
const parsePodSpecPatch = (text) => {
	const document = parseDocument(text);
	const [problem] = [...document.errors, ...document.warnings];
	if (problem?.code === "MULTIPLE_DOCS") return Result.fail("it holds more than one document");
	if (problem !== void 0) return Result.fail(problem.message.replace(/:?\n[^]*$/u, ""));
	const value = document.toJS() ?? {};
	if (!isObject(value)) return Result.fail("it is no pod spec");
	const problems = strangeFields(V1PodSpec, value, "");
	for (const list of ["initContainers", "containers"]) {
		const containers = value[list] ?? [];
		for (const [index, container] of (Array.isArray(containers) ? containers : []).entries()) {
			const path = `${list}[${index}]`;
			if (!isObject(container) || typeof container["name"] !== "string") problems.push(`${path} has no name`);
			else problems.push(...strangeFields(V1Container, container, `${path}.`));
		}
	}
	return problems.length === 0 ? Result.succeed(value) : Result.fail(problems.join("; "));
};
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const strangeFields = (model, object, path) => {
	const types = new Map(model.getAttributeTypeMap().map(({ baseName, type }) => [baseName, type]));
	return Object.entries(object).flatMap(([field, value]) => {
		const type = types.get(field);
		if (type === void 0) return [`unknown field ${path}${field}`];
		return value === null || isOf(type, value) ? [] : [`${path}${field} is no ${type}`];
	});
};
const isOf = (type, value) => {
	if (type.startsWith("Array<")) return Array.isArray(value);
	return [
		"boolean",
		"number",
		"string"
	].includes(type) ? typeof value === type : isObject(value);
};
export { parsePodSpecPatch, readPodSpecPatch };
