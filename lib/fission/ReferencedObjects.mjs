// src/fission/ReferencedObjects.ts
/** What a Function refers to by its lists and by its variables (newdeploy-and-container.md section 11). */
const referencedObjects = ({ metadata, spec }) => {
	const named = (references, key, source) => {
		const names = [
			...(references ?? []).filter(({ namespace }) => namespace === metadata.namespace).map(({ name }) => name),
			...(spec.env ?? []).map((variable) => textAt(variable, "valueFrom", key, "name")),
			...(spec.envFrom ?? []).map((from) => textAt(from, source, "name"))
		];
		return [...new Set(names.filter((name) => name !== ""))];
	};
	return {
		secrets: named(spec.secrets, "secretKeyRef", "secretRef"),
		configMaps: named(spec.configmaps, "configMapKeyRef", "configMapRef")
	};
};
/** The text at a path in JSON; empty where there is none. */
const textAt = (value, ...path) => {
	const found = path.reduce((inner, key) => typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : void 0, value);
	return typeof found === "string" ? found : "";
};
/** The sum of resourceVersions; what is no number, or not there, counts 0. */
const versionSum = (versions) => {
	let sum = 0n;
	for (const version of versions) if (/^\d+$/u.test(version ?? "")) sum += BigInt(version ?? "");
	return BigInt.asIntN(64, sum);
};
/** Why a Function may not have what it lists: nothing of another namespace is ever mounted (poolmgr.md section 8, W38). */
const foreignReferences = ({ metadata, spec }) => [{
	kind: "configmap",
	references: spec.configmaps
}, {
	kind: "secret",
	references: spec.secrets
}].flatMap(({ kind, references }) => (references ?? []).filter(({ namespace }) => namespace !== metadata.namespace).map(({ name }) => `${kind} ${name} must be in same namespace as function namespace`));
export { foreignReferences, referencedObjects, versionSum };
