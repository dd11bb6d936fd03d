import { Result } from "effect"
import { duplicatesOf, isUnset, type Json, listOf, objectOf } from "./Json.ts"
import { mergeContainer, sanitizeContainer } from "./MergeContainer.ts"
import { fetcherOverlay, type Overlay, withoutTokenMounts } from "./TokenMounts.ts"

/** Fields that a pod spec laid over ours overrides when it sets them (poolmgr.md section 6.8). */
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
  "shareProcessNamespace"
]

/** Lists that are appended to. */
const appended = ["imagePullSecrets", "tolerations", "hostAliases"]

const containerLists = ["initContainers", "containers"]

/** Every field of which something is taken. */
const taken = new Set([...overridden, ...appended, ...containerLists, "nodeSelector", "volumes"])

/** Switches whose `false` is what every function pod has anyway. */
const alwaysOff = new Set(["hostNetwork", "hostPID", "hostIPC", "automountServiceAccountToken"])

/** A pod spec, and what of those laid over it was not taken: the path of each field, from the root of its pod spec. */
export interface MergedPodSpec {
  readonly podSpec: Json
  readonly ignored: ReadonlyArray<string>
}

/**
 * Merges a pod spec over ours (poolmgr.md section 6.8). Containers of the same name merge, others are appended in the
 * order in which they were declared (W22). Access to the host, service accounts and their token are never taken, nor is
 * anything that the stock executor does not take (W31, W37). Fails with a sentence for each conflict.
 */
export const mergePodSpec = (ours: Json, theirs: Json): Result.Result<MergedPodSpec, ReadonlyArray<string>> => {
  const fields = overridden.filter((field) => !isUnset(theirs[field])).map((field) => [field, theirs[field]])
  const lists = appended.map((field) => [field, [...listOf(ours[field]), ...listOf(theirs[field])]])
  const volumes = mergeVolumes(listOf(ours["volumes"]), listOf(theirs["volumes"]))
  const containers = containerLists.map((field) => mergeContainers(field, listOf(ours[field]), listOf(theirs[field])))

  const problems = [volumes, ...containers].flatMap((list) => list.problems)
  if (problems.length > 0) return Result.fail(problems)
  const set = Object.entries({
    ...Object.fromEntries([...fields, ...lists]),
    nodeSelector: { ...objectOf(theirs["nodeSelector"]), ...objectOf(ours["nodeSelector"]) },
    volumes: volumes.elements,
    ...Object.fromEntries(containers.map(({ elements }, index) => [containerLists[index], elements]))
  }).filter(([, value]) => !isUnset(value))
  return Result.succeed({
    podSpec: { ...ours, ...Object.fromEntries(set) },
    ignored: [...ignoredFields(theirs), ...[volumes, ...containers].flatMap((list) => list.ignored)]
  })
}

const ignoredFields = (theirs: Json): ReadonlyArray<string> =>
  Object.keys(theirs).filter((field) => {
    const isOff = alwaysOff.has(field) && theirs[field] === false
    return !taken.has(field) && !isUnset(theirs[field]) && !isOff
  })

/** A list of a pod spec after a merge. */
interface MergedList {
  readonly elements: ReadonlyArray<Json>
  readonly ignored: ReadonlyArray<string>
  readonly problems: ReadonlyArray<string>
}

const mergeVolumes = (ours: ReadonlyArray<Json>, theirs: ReadonlyArray<Json>): MergedList => {
  const ofHost = theirs.filter((volume) => volume["hostPath"] !== undefined)
  const elements = [...ours, ...theirs.filter((volume) => volume["hostPath"] === undefined)]
  return {
    elements,
    ignored: ofHost.map(({ name }) => `volumes[${String(name)}].hostPath`),
    problems: duplicatesOf(elements.map(({ name }) => String(name))).map((name) => `two volumes are named "${name}"`)
  }
}

const mergeContainers = (list: string, ours: ReadonlyArray<Json>, theirs: ReadonlyArray<Json>): MergedList => {
  const elements = [...ours]
  const ignored: Array<string> = []
  const problems: Array<string> = []
  for (const container of theirs) {
    const index = elements.findIndex(({ name }) => name === container["name"])
    const held = elements[index]
    // A pod of one container has no sidecar: there the name is the user's own.
    const isFetcher = held !== undefined && list === "containers" && ours.length > 1 && container["name"] === "fetcher"
    const overlay: Overlay = isFetcher ? fetcherOverlay(container) : withoutTokenMounts(container)
    ignored.push(...overlay.ignored.map((path) => `${list}[${String(container["name"])}].${path}`))
    if (held === undefined) elements.push(sanitizeContainer(overlay.container))
    else {
      Result.match(mergeContainer(held, overlay.container), {
        onSuccess: (container) => void (elements[index] = container),
        onFailure: (conflicts) => void problems.push(...conflicts)
      })
    }
  }
  return { elements, ignored, problems }
}
