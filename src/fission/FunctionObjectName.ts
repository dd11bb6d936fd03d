import { labels } from "./Labels.ts"
import type { ObjectMeta } from "./ObjectMeta.ts"
import { versionSuffix } from "./VersionSuffix.ts"

/** Shortest UID that a name can be made of: a real one has 36 characters. */
export const leastUidLength = 17

/**
 * The one name of a function's Deployment, Service and HorizontalPodAutoscaler (newdeploy-and-container.md section 2).
 * Other tools look functions up under it. A published version has its own, at most 63 characters as every one.
 */
export const functionObjectName = (
  type: string,
  { labels: held, name, namespace, uid }: Pick<ObjectMeta, "name" | "namespace" | "uid" | "labels">
): string => {
  const space = namespace ?? ""
  const whole = name.length + space.length < 35
  const base = whole ? `${name}-${space}` : `${name.slice(0, 17)}-${space.slice(0, 17)}`
  const suffix = versionSuffix(held?.[labels.functionVersion] ?? "")
  const cut = base.slice(0, Math.max(0, 35 - suffix.length))
  return `${type}-${cut}-${(uid ?? "").slice(-leastUidLength)}${suffix}`.toLowerCase()
}
