import type { Environment } from "../fission/Environment.ts"
import type { FissionFunction } from "../fission/Function.ts"
import { isUnset, type Json, listOf, objectOf } from "./Json.ts"
import { allowedCapability } from "./MergeContainer.ts"

/**
 * Everything in an Environment that no function pod may have, a sentence each; empty when it is safe (lifecycle.md
 * section 14). Admission refuses the same, but an Environment may have been stored while that was off (resources.md R2).
 */
export const unsafeFields = ({ spec }: Environment): ReadonlyArray<string> => [
  ...unsafePodSpec("Environment.spec.runtime.podspec", objectOf(spec.runtime.podspec)),
  ...unsafeContainer("Environment.spec.runtime.container", objectOf(spec.runtime.container))
]

/** The same of a Function that brings its own containers. */
export const unsafeFunctionFields = ({ spec }: FissionFunction): ReadonlyArray<string> =>
  unsafePodSpec("Function.spec.podspec", objectOf(spec.podspec))

const unsafePodSpec = (path: string, podSpec: Json): ReadonlyArray<string> => [
  ...["hostNetwork", "hostPID", "hostIPC"]
    .filter((field) => podSpec[field] === true)
    .map((field) => `${path}.${field} is not allowed`),
  ...["serviceAccountName", "serviceAccount"]
    .filter((field) => !isUnset(podSpec[field]))
    .map((field) => `${path}.${field} override is not allowed`),
  ...listOf(podSpec["volumes"])
    .filter((volume) => !isUnset(volume["hostPath"]))
    .map((volume) => `${path}.volumes[${String(volume["name"])}].hostPath is not allowed`),
  ...(isUnset(podSpec["ephemeralContainers"]) ? [] : [`${path}.ephemeralContainers is not allowed`]),
  ...["containers", "initContainers"].flatMap((list) =>
    listOf(podSpec[list]).flatMap((container) =>
      unsafeContainer(`${path}.${list}[${String(container["name"])}]`, container)
    )
  )
]

const unsafeContainer = (path: string, container: Json): ReadonlyArray<string> => {
  const context = objectOf(container["securityContext"])
  const add = objectOf(context["capabilities"])["add"]
  return [
    ...["privileged", "allowPrivilegeEscalation"]
      .filter((field) => context[field] === true)
      .map((field) => `${path}.securityContext.${field}=true is not allowed`),
    ...(Array.isArray(add) ? add : [])
      .filter((capability) => capability !== allowedCapability)
      .map((capability) => {
        const field = `${path}.securityContext.capabilities.add["${String(capability)}"]`
        return `${field} is not in the allowlist (only ${allowedCapability} may be added)`
      })
  ]
}
