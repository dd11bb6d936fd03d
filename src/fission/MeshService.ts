import type { ObjectMeta } from "./ObjectMeta.ts"
import { hash8 } from "./VersionSuffix.ts"

/** Longest name of a Service. */
const nameLimit = 63

/**
 * Name of the Service through which a mesh reaches a function, `istio-<function>-<namespace>` (poolmgr.md section 11); one
 * that would be longer than 63 characters is cut and ends with a hash (W32).
 */
export const meshServiceName = ({ name, namespace }: Pick<ObjectMeta, "name" | "namespace">): string => {
  const whole = `istio-${name}-${namespace ?? ""}`
  return whole.length <= nameLimit ? whole : `${whole.slice(0, nameLimit - 9)}-${hash8(whole)}`
}

/** The host by which the pods of a mesh call the function whose pods live in that namespace. */
export const meshHost = (fn: Pick<ObjectMeta, "name" | "namespace">, workloadNamespace: string): string =>
  `${meshServiceName(fn)}.${workloadNamespace}`
