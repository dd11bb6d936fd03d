import { isJson } from "./StoredObject.mjs";
import { conform, problemsOf } from "./StructuralSchema.mjs";
import { readFileSync, readdirSync } from "node:fs";
import { parse } from "yaml";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
// src/devcluster/CustomResources.ts
const folder = fileURLToPath(new URL("../../deploy/crds", import.meta.url));
/** Files of the CustomResourceDefinitions that this package brings, for clusters without Fission's chart. */
const definitionFiles = readdirSync(folder).filter((name) => name.endsWith(".yaml")).sort().map((name) => join(folder, name));
const load = (file) => {
	const { spec } = parse(readFileSync(file, "utf8"));
	const { kind, plural, shortNames = [] } = spec.names;
	const namespaced = spec.scope === "Namespaced";
	return spec.versions.map(({ additionalPrinterColumns: columns = [], name: version, schema, subresources }) => {
		const parts = {
			status: subresources?.status !== void 0,
			scale: false,
			generation: true
		};
		return {
			served: {
				group: spec.group,
				version,
				kind,
				plural,
				namespaced,
				shortNames,
				...parts
			},
			schema: schema.openAPIV3Schema,
			columns
		};
	});
};
/** The custom resources of the embedded server. */
const customResources = definitionFiles.flatMap(load);
const byKind = new Map(customResources.map((definition) => [definition.served.kind, definition]));
/** What is defined about a kind; undefined for built-in ones. */
const definitionOf = ({ group, kind }) => group === "fission.io" ? byKind.get(kind) : void 0;
/** An object as it is stored, and the unknown fields that it loses by that. Objects of built-in kinds keep everything. */
const conformed = (kind, object) => {
	const definition = definitionOf(kind);
	if (definition === void 0) return {
		stored: object,
		unknown: []
	};
	const { unknown, value } = conform(definition.schema, object);
	return {
		stored: isJson(value) ? {
			...value,
			metadata: object["metadata"]
		} : object,
		unknown
	};
};
/** Everything that is wrong with an object: what was found before, and what its definition finds. */
const definedProblems = (kind, object, previous, found) => {
	const definition = definitionOf(kind);
	return definition === void 0 ? found : problemsOf(definition.schema, object, previous, found);
};
export { conformed, customResources, definedProblems, definitionFiles, definitionOf };
