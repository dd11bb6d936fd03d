import type { FissionFunction } from "../../fission/Function.ts"
import { foreignReferences, type ReferenceVersions, referencedObjects } from "../../fission/ReferencedObjects.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import { isNewerVersion } from "../../kubernetes/Store.ts"

const none: ReferenceVersions = new Map()

/** Whether Secrets and ConfigMaps have been listed. Starts their watches. */
export const knowsReferences = (view: NamespaceView): boolean => {
  view.wantReferences()
  return view.secrets.isSynced() && view.configMaps.isSynced()
}

/** Whether a Function may refer to Secrets or ConfigMaps at all; most do not, and nothing is watched for those. */
export const mayRefer = ({ spec }: FissionFunction): boolean =>
  [spec.secrets, spec.configmaps, spec.env, spec.envFrom].some((list) => (list ?? []).length > 0)

/**
 * What the Secrets and ConfigMaps that a Function refers to are at now, as far as they exist. Undefined while they have
 * not been listed; starts their watches where there is a reference.
 */
export const referenceVersions = (view: NamespaceView, fn: FissionFunction): ReferenceVersions | undefined => {
  if (!mayRefer(fn)) return none
  const { configMaps, secrets } = referencedObjects(fn)
  if (configMaps.length + secrets.length === 0) return none
  if (!knowsReferences(view)) return undefined
  const references = [...configMaps.map((name) => `configmap/${name}`), ...secrets.map((name) => `secret/${name}`)]
  return new Map(
    references.flatMap((reference) => {
      const version = versionOf(view, reference)
      return version === undefined ? [] : [[reference, version] as const]
    })
  )
}

/**
 * Why a Function cannot have all that it lists, in the stock executor's words: of another namespace, or not there. That
 * something is not there is only known once Secrets and ConfigMaps have been listed (W38).
 */
export const referenceProblem = (view: NamespaceView, fn: FissionFunction): string | undefined => {
  const { configmaps, secrets } = fn.spec
  const [foreign] = foreignReferences(fn)
  if (foreign !== undefined || (configmaps ?? []).length + (secrets ?? []).length === 0) return foreign
  if (!knowsReferences(view)) return undefined
  const missing = (kind: "configmap" | "secret", references: typeof secrets) =>
    (references ?? [])
      .filter(({ name }) => versionOf(view, `${kind}/${name}`) === undefined)
      .map(({ name }) => `${kind} ${name} must be in same namespace as function namespace: there is none`)
  return [...missing("configmap", configmaps), ...missing("secret", secrets)][0]
}

/** The first of them that is newer now, as `secret/db`. One that is gone is no change: nothing took its place. */
export const changedReference = (view: NamespaceView, given: ReferenceVersions): string | undefined => {
  for (const [reference, version] of given) {
    const now = versionOf(view, reference)
    if (now !== undefined && now !== version && isNewerVersion(now, version)) return reference
  }
  return undefined
}

const versionOf = (view: NamespaceView, reference: string): string | undefined => {
  const [kind, name = ""] = reference.split("/")
  const store = kind === "secret" ? view.secrets : view.configMaps
  return store.get(view.namespace, name)?.metadata.resourceVersion ?? undefined
}
