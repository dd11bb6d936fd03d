import type { KubernetesObject } from "../kubernetes/KubernetesApi.ts"
import { type Json, objectOf } from "../podspec/Json.ts"
import type { DesiredDeployment } from "../podspec/PoolDeployment.ts"

/** The pod template of a Deployment as it came. */
export const templateOf = (deployment: KubernetesObject): Json => objectOf(objectOf(deployment["spec"])["template"])

/**
 * The live Deployment as we want it; fields unknown to us survive. The selector cannot change, so it stays as it is
 * stored, and its labels are forced into a new template (W08, newdeploy-and-container.md
 * section 12.3).
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
