import { readFileSync } from "node:fs"
import { objectOf } from "../../../src/podspec/Json.ts"
import type { RecordedCall } from "../../fakes/KubernetesApiInMemory.ts"

/** A request of the stock executor, as it was recorded. */
export interface Recorded {
  readonly method: string
  readonly path: string
  readonly request?: { readonly [field: string]: unknown } | null
  readonly [field: string]: unknown
}

const data = new URL("../../data/stock-objects/", import.meta.url)

const read = (file: string) => readFileSync(new URL(file, data), "utf8")

/** A custom resource of the recorded cluster. */
export const manifest = (file: string) => JSON.parse(read(`crs/${file}.json`))

/** The requests of a scenario that concern poolmgr, and other executor types' no more. */
export const recorded = (scenario: string, about: RegExp): ReadonlyArray<Recorded> =>
  read(`exchanges/${scenario}.ndjson`)
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Recorded => JSON.parse(line))
    .filter(({ path }) => about.test(path))

/** `PATCH pods`, `PUT functions/status`: the effect of a request whatever its object is called. */
export const effectOf = ({ method, path }: Pick<Recorded, "method" | "path">): string => {
  const [, resource = "", subresource] = /\/namespaces\/[^/]+\/([^/?]+)(?:\/[^/]+\/([^/?]+))?/u.exec(path) ?? []
  return `${method} ${resource}${subresource === undefined ? "" : `/${subresource}`}`
}

const methods = { create: "POST", update: "PUT", patch: "PATCH", delete: "DELETE", get: "GET" } as const

/** The same for a call of ours. Lists and watches have no effect. */
export const effectOfCall = ({ resource, verb }: RecordedCall): ReadonlyArray<string> =>
  verb === "list" || verb === "watch" ? [] : [`${methods[verb]} ${resource}`]

/** Values that differ between any two clusters. */
const ofTheCluster = new Set([
  "environmentUid",
  "functionUid",
  "executorInstanceId",
  "svcHost",
  "functionResourceVersion",
  "fission.io/function-generation"
])

/** What only we write, additively (poolmgr.md section 3), and for people. */
const ours = /^fission\.io\/(runtime-fingerprint|references|draining-since|loaded-.*)$/u

const comparable = (map: unknown): { readonly [key: string]: unknown } =>
  Object.fromEntries(
    Object.entries(objectOf(map))
      .filter(([key]) => !ours.test(key))
      .map(([key, value]) => [key, ofTheCluster.has(key) ? "*" : value] as const)
      .sort(([left], [right]) => (left < right ? -1 : 1))
  )

/** Labels and annotations that a patch of a pod writes, without what is different in every cluster. */
export const patchedMetadata = (body: { readonly [field: string]: unknown } | null | undefined) => {
  const { annotations, labels } = objectOf(body?.["metadata"])
  return { labels: comparable(labels), annotations: comparable(annotations) }
}
