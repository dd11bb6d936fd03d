import { executorTypeOf } from "../../fission/Function.mjs";
import { labels } from "../../fission/Labels.mjs";
import { isDeleting } from "../../fission/Workloads.mjs";
import { isSpecialized } from "./FunctionPod.mjs";
// src/executors/poolmgr/ServedPods.ts
/** The pods that were specialized for a function, of whatever generation and in whatever state. */
const podsOf = (view, fn) => view.pods.indexed("functionUid", fn.metadata.uid ?? "").filter((pod) => isSpecialized(view, pod));
/** Name of the FunctionVersion that a pod runs; empty for the function itself. */
const versionOf = ({ metadata }) => metadata.labels?.[labels.functionVersion] ?? "";
/**
* What the pods that serve a function call for: one Service for the function as it is now, whichever generation they still
* run, and one for each version. None for `onceOnly`, whose pods routers always ask us for (poolmgr.md section 19).
*/
const servedGenerations = (view, fn, pods) => {
	const newest = /* @__PURE__ */ new Map();
	for (const pod of pods) {
		if (pod.metadata.labels?.[labels.served] !== "true" || isDeleting(pod.metadata)) continue;
		const version = versionOf(pod);
		const least = version === "" ? fn.metadata.generation ?? 0 : 0;
		const generation = Number(pod.metadata.labels[labels.functionGeneration]);
		newest.set(version, Math.max(newest.get(version) ?? least, Number.isSafeInteger(generation) ? generation : 0));
	}
	return [...newest].map(([version, generation]) => ({
		version,
		generation
	})).filter(({ version }) => version === "" ? isServedByMany(fn) : takesService(view, fn, version));
};
const isServedByMany = (fn) => executorTypeOf(fn) === "poolmgr" && fn.spec.onceOnly !== true;
/** Whether a version is there, as far as the view can tell, and serves more than one request a pod. */
const takesService = (view, { metadata }, version) => {
	view.wantVersions();
	if (!view.functionVersions.isSynced()) return true;
	const spec = view.functionVersions.get(view.namespace, version)?.spec;
	return spec?.functionUID === metadata.uid && spec?.snapshot?.onceOnly !== true;
};
export { podsOf, servedGenerations, versionOf };
