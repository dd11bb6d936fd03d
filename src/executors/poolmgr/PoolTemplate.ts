import { isDeepStrictEqual } from "node:util"
import { type Json, objectOf } from "../../podspec/Json.ts"

/** Whether pods of both templates are alike; annotations of kubectl, as of a restart, do not count (W09). */
export const areAlike = (left: Json, right: Json): boolean =>
  isDeepStrictEqual(withoutKubectl(left), withoutKubectl(right))

const withoutKubectl = (template: Json): Json => {
  const metadata = objectOf(template["metadata"])
  const annotations = Object.entries(objectOf(metadata["annotations"]))
  const kept = annotations.filter(([name]) => !name.startsWith("kubectl.kubernetes.io/"))
  return { ...template, metadata: { ...metadata, annotations: Object.fromEntries(kept) } }
}
