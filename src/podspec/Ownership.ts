import type { SettingsShape } from "../Config.ts"
import type { ObjectMeta, OwnerReference } from "../fission/ObjectMeta.ts"

/**
 * The owner reference of an object in that namespace, as a part of its metadata. None to an owner in another namespace:
 * Kubernetes takes that for one that is gone, and deletes what it owns (W29, newdeploy-and-container.md section 3.3).
 */
export const ownedBy = (
  kind: "Environment" | "Function",
  owner: ObjectMeta,
  namespace: string,
  settings: SettingsShape
): { readonly ownerReferences?: ReadonlyArray<OwnerReference> } => {
  if (settings.disableOwnerReferences || namespace !== owner.namespace) return {}
  const { name, uid } = owner
  const reference = { apiVersion: "fission.io/v1", kind, name, uid: uid ?? "" }
  return { ownerReferences: [{ ...reference, controller: true, blockOwnerDeletion: true }] }
}
