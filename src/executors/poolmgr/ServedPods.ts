import { executorTypeOf, type FissionFunction } from "../../fission/Function.ts"
import { labels } from "../../fission/Labels.ts"
import { isDeleting, type Pod } from "../../fission/Workloads.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import type { ServedGeneration } from "../../podspec/FunctionService.ts"
import * as FunctionPod from "./FunctionPod.ts"

/** The pods that were specialized for a function, of whatever generation and in whatever state. */
export const podsOf = (view: NamespaceView, fn: FissionFunction): ReadonlyArray<Pod> =>
  view.pods.indexed("functionUid", fn.metadata.uid ?? "").filter((pod) => FunctionPod.isSpecialized(view, pod))

/** Name of the FunctionVersion that a pod runs; empty for the function itself. */
export const versionOf = ({ metadata }: Pod): string => metadata.labels?.[labels.functionVersion] ?? ""

/**
 * What the pods that serve a function call for: one Service for the function as it is now, whichever generation they still
 * run, and one for each version. None for `onceOnly`, whose pods routers always ask us for (poolmgr.md section 19).
 */
export const servedGenerations = (
  view: NamespaceView,
  fn: FissionFunction,
  pods: ReadonlyArray<Pod>
): ReadonlyArray<ServedGeneration> => {
  const newest = new Map<string, number>()
  for (const pod of pods) {
    if (pod.metadata.labels?.[labels.served] !== "true" || isDeleting(pod.metadata)) continue
    const version = versionOf(pod)
    const least = version === "" ? (fn.metadata.generation ?? 0) : 0
    const generation = Number(pod.metadata.labels[labels.functionGeneration])
    newest.set(version, Math.max(newest.get(version) ?? least, Number.isSafeInteger(generation) ? generation : 0))
  }
  return [...newest]
    .map(([version, generation]) => ({ version, generation }))
    .filter(({ version }) => (version === "" ? isServedByMany(fn) : takesService(view, fn, version)))
}

const isServedByMany = (fn: FissionFunction): boolean => executorTypeOf(fn) === "poolmgr" && fn.spec.onceOnly !== true

/** Whether a version is there, as far as the view can tell, and serves more than one request a pod. */
const takesService = (view: NamespaceView, { metadata }: FissionFunction, version: string): boolean => {
  view.wantVersions()
  if (!view.functionVersions.isSynced()) return true
  const spec = view.functionVersions.get(view.namespace, version)?.spec
  return spec?.functionUID === metadata.uid && spec?.snapshot?.onceOnly !== true
}
