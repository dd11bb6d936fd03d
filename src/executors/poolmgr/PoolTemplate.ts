import { isDeepStrictEqual } from "node:util"
import { annotations } from "../../fission/Labels.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import { type Json, objectOf } from "../../podspec/Json.ts"

/** Whether pods of both templates are alike; annotations of kubectl, as of a restart, do not count (W09). */
export const areAlike = (left: Json, right: Json): boolean =>
  isDeepStrictEqual(withoutKubectl(left), withoutKubectl(right))

const withoutKubectl = (template: Json): Json => {
  const metadata = objectOf(template["metadata"])
  const held = Object.entries(objectOf(metadata["annotations"]))
  const kept = held.filter(([name]) => !name.startsWith("kubectl.kubernetes.io/"))
  return { ...template, metadata: { ...metadata, annotations: Object.fromEntries(kept) } }
}

/** A template, and what tells who made it for which state of the Environment: another executor may have. */
export interface KnownTemplate {
  readonly writer: string
  readonly template: Json
}

/** Of a Deployment, what tells who wrote it. */
export type Written = Pick<KubernetesObject["metadata"], "uid" | "annotations">

/** The template of a Deployment that was written like this. */
export const knownTemplate = ({ annotations: held, uid }: Written, template: Json): KnownTemplate => ({
  writer: `${uid ?? ""}/${held?.[annotations.runtimeFingerprint] ?? ""}`,
  template
})
