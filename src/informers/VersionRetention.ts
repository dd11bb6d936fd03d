import { functionKey } from "../fission/Function.ts"
import type { NamespaceView } from "./NamespaceView.ts"

/**
 * Whether versions and aliases have been listed, so that they say what is retained. Starts their watches.
 */
export const knowsVersions = (view: NamespaceView): boolean => {
  view.wantVersions()
  return view.functionVersions.isSynced() && view.functionAliases.isSynced()
}

/**
 * Tells whether an alias still leads to a generation of a function, so that its pods stay (lifecycle.md section 10).
 * While versions or aliases have not been listed every generation is retained, without limit of time; the first
 * question starts their watches. Names that lead nowhere retain nothing.
 */
export const retention = (view: NamespaceView): ((functionUid: string, generation: number) => boolean) => {
  let retained: ReadonlySet<string> | undefined
  return (functionUid, generation) => {
    if (!knowsVersions(view)) return true
    retained ??= retainedKeys(view)
    return retained.has(functionKey({ uid: functionUid, generation }))
  }
}

const retainedKeys = (view: NamespaceView): ReadonlySet<string> => {
  const keys = new Set<string>()
  for (const { spec, status } of view.functionAliases.values(view.namespace)) {
    for (const name of [spec.version, spec.secondaryVersion, status?.resolvedVersion]) {
      const version = view.functionVersions.get(view.namespace, name ?? "")?.spec
      if (version !== undefined) {
        keys.add(functionKey({ uid: version.functionUID, generation: version.functionGeneration }))
      }
    }
  }
  return keys
}
