import { isEmpty, type Json, listOf, objectOf } from "./Json.ts"
import { mergeContainer, sanitizeContainer } from "./MergeContainer.ts"

/** Fields that a user's pod spec overrides when it sets them (poolmgr.md section 6.8). */
const overridden = [
  "nodeName",
  "subdomain",
  "schedulerName",
  "priorityClassName",
  "priority",
  "preemptionPolicy",
  "terminationGracePeriodSeconds",
  "enableServiceLinks",
  "securityContext",
  "affinity",
  "hostname",
  "runtimeClassName",
  "restartPolicy",
  "activeDeadlineSeconds",
  "dnsPolicy",
  "automountServiceAccountToken",
  "shareProcessNamespace"
]

/** Lists that are appended to. */
const appended = ["imagePullSecrets", "tolerations", "hostAliases"]

/** Where the fetcher's own token is mounted. */
const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount"

/**
 * What is taken of a user's `fetcher` container (W37): resources, variables that are none of Fission's, and mounts away
 * from the token. The sidecar's image and command are ours.
 */
const fetcherOverlay = (theirs: Json): Json => ({
  name: theirs["name"],
  resources: theirs["resources"],
  env: listOf(theirs["env"]).filter(({ name }) => typeof name === "string" && !name.startsWith("FISSION_")),
  volumeMounts: listOf(theirs["volumeMounts"]).filter(({ mountPath }) => mountPath !== tokenPath)
})

/**
 * Merges a user's pod spec over ours (poolmgr.md section 6.8). Containers of the same name merge, others are appended in
 * the order in which they were declared (W22). Host access and service accounts are never taken.
 */
export const mergePodSpec = (ours: Json, theirs: Json): { readonly podSpec: Json } | { readonly problem: string } => {
  const merged: { [field: string]: unknown } = { ...ours }
  for (const field of overridden) if (!isEmpty(theirs[field])) merged[field] = theirs[field]
  for (const field of appended) {
    const added = listOf(theirs[field])
    if (added.length > 0) merged[field] = [...listOf(ours[field]), ...added]
  }
  const selector = { ...objectOf(theirs["nodeSelector"]), ...objectOf(ours["nodeSelector"]) }
  if (!isEmpty(selector)) merged["nodeSelector"] = selector

  for (const field of ["initContainers", "containers"]) {
    const result = mergeContainers(listOf(ours[field]), listOf(theirs[field]))
    if ("problem" in result) return result
    if (result.containers.length > 0) merged[field] = result.containers
  }
  const volumes = [
    ...listOf(ours["volumes"]),
    ...listOf(theirs["volumes"]).filter((volume) => volume["hostPath"] === undefined)
  ]
  const names = volumes.map((volume) => String(volume["name"]))
  const duplicate = names.find((name, index) => names.indexOf(name) !== index)
  if (duplicate !== undefined) return { problem: `two volumes are named "${duplicate}"` }
  if (volumes.length > 0) merged["volumes"] = volumes
  return { podSpec: merged }
}

const mergeContainers = (
  ours: ReadonlyArray<Json>,
  theirs: ReadonlyArray<Json>
): { readonly containers: ReadonlyArray<Json> } | { readonly problem: string } => {
  const merged = [...ours]
  for (const container of theirs) {
    const index = merged.findIndex((held) => held["name"] === container["name"])
    const held = merged[index]
    if (held === undefined) {
      merged.push(withoutTokenVolume(sanitizeContainer(container)))
      continue
    }
    const isFetcher = container["name"] === "fetcher"
    const result = mergeContainer(held, withoutTokenVolume(isFetcher ? fetcherOverlay(container) : container))
    if ("problem" in result) return result
    merged[index] = result.container
  }
  return { containers: merged }
}

/** The fetcher's token is for the fetcher alone (W37). */
const withoutTokenVolume = (container: Json): Json => {
  const mounts = listOf(container["volumeMounts"])
  const kept = mounts.filter((mount) => mount["name"] !== "fission-fetcher-sa-token")
  return kept.length === mounts.length ? container : { ...container, volumeMounts: kept }
}
