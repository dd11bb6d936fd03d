import { isDeepStrictEqual } from "node:util"
import type { KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import { type Json, objectOf } from "../../podspec/Json.ts"
import type { DesiredDeployment } from "../../podspec/PoolDeployment.ts"

/** The pod template of a Deployment as it came. */
export const templateOf = (deployment: KubernetesObject): Json => objectOf(objectOf(deployment["spec"])["template"])

/** Whether pods of both templates are alike; annotations of kubectl, as of a restart, do not count (W09). */
export const areAlike = (left: Json, right: Json): boolean =>
  isDeepStrictEqual(withoutKubectl(left), withoutKubectl(right))

const withoutKubectl = (template: Json): Json => {
  const metadata = objectOf(template["metadata"])
  const annotations = Object.entries(objectOf(metadata["annotations"]))
  const kept = annotations.filter(([name]) => !name.startsWith("kubectl.kubernetes.io/"))
  return { ...template, metadata: { ...metadata, annotations: Object.fromEntries(kept) } }
}

/**
 * The live Deployment as we want it; fields unknown to us survive. The selector cannot change, so it stays as it is
 * stored, and its labels are forced into a new template (W08).
 *
 * @param template undefined: that of `desired`
 */
export const updated = (
  live: KubernetesObject,
  desired: DesiredDeployment,
  replicas: number,
  template: Json | undefined
): KubernetesObject => {
  const spec = objectOf(live["spec"])
  const selector = objectOf(objectOf(spec["selector"])["matchLabels"])
  return {
    ...live,
    metadata: {
      ...live.metadata,
      labels: { ...live.metadata.labels, ...desired.metadata.labels },
      annotations: { ...live.metadata.annotations, ...desired.metadata.annotations }
    },
    spec: { ...spec, replicas, template: template ?? withLabels(desired.spec.template, selector) }
  }
}

const withLabels = (template: Json, labels: Json): Json => {
  const metadata = objectOf(template["metadata"])
  return { ...template, metadata: { ...metadata, labels: { ...objectOf(metadata["labels"]), ...labels } } }
}
