import { functionKey } from "../fission/Function.mjs";
// src/informers/VersionRetention.ts
/**
* Tells whether an alias still leads to a generation of a function, so that its pods stay (lifecycle.md section 10).
* While versions or aliases have not been listed every generation is retained, without limit of time; the first
* question starts their watches. Names that lead nowhere retain nothing.
*/
const retention = (view) => {
	let retained;
	return (functionUid, generation) => {
		view.wantVersions();
		if (!view.functionVersions.isSynced() || !view.functionAliases.isSynced()) return true;
		retained ??= retainedKeys(view);
		return retained.has(functionKey({
			uid: functionUid,
			generation
		}));
	};
};
const retainedKeys = (view) => {
	const keys = /* @__PURE__ */ new Set();
	for (const { spec, status } of view.functionAliases.values(view.namespace)) for (const name of [
		spec.version,
		spec.secondaryVersion,
		status?.resolvedVersion
	]) {
		const version = view.functionVersions.get(view.namespace, name ?? "")?.spec;
		if (version !== void 0) keys.add(functionKey({
			uid: version.functionUID,
			generation: version.functionGeneration
		}));
	}
	return keys;
};
export { retention };
