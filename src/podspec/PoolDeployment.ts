import { Result } from "effect"
import { type SettingsShape, workloadNamespace } from "../Config.ts"
import { type Environment, poolSize } from "../fission/Environment.ts"
import { imageHash, type PoolImage } from "../fission/ImageVolume.ts"
import { annotations, labels } from "../fission/Labels.ts"
import { keyOf } from "../fission/ObjectMeta.ts"
import { poolName } from "../fission/PoolName.ts"
import { runtimeFingerprint, runtimeHash } from "../fission/RuntimeHash.ts"
import { type Json, objectOf } from "./Json.ts"
import { ownedBy } from "./Ownership.ts"
import { PodSpecError } from "./PodSpecError.ts"
import { unsafeFields } from "./PodSpecSafety.ts"
import { podTemplate, poolLabels } from "./PodTemplate.ts"
import { isOfStock } from "./StockTemplate.ts"

/** A Deployment to be created: metadata with a name and namespace, and the rest as JSON. */
export interface DesiredDeployment {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels: { readonly [label: string]: string }
    readonly annotations: { readonly [annotation: string]: string }
    readonly [field: string]: unknown
  }
  readonly spec: {
    readonly replicas: number
    readonly selector: Json
    readonly template: Json
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

/** The Deployment of a pool, and what it does not take of what the Environment and the operator ask for. */
export interface PoolDeployment {
  readonly deployment: DesiredDeployment
  /** Paths of fields, such as `spec.runtime.podspec.dnsConfig` (W31, W37). */
  readonly ignored: ReadonlyArray<string>
}

/**
 * The whole Deployment of an Environment's pool (poolmgr.md section 6). Pure and deterministic: the same Environment and
 * settings give the same object. Fails with everything that is wrong with the Environment: first what no function pod
 * may have, else what does not go together.
 *
 * @param instanceId eight characters that name this process; part of the metadata, never of the template
 * @param image of a pool that is for one image alone
 */
export const poolDeployment = (
  environment: Environment,
  settings: SettingsShape,
  instanceId: string,
  image?: PoolImage
): Result.Result<PoolDeployment, PodSpecError> => {
  const unsafe = unsafeFields(environment)
  const built = unsafe.length > 0 ? Result.fail(unsafe) : podTemplate(environment, settings, image)
  return Result.mapBoth(built, {
    onSuccess: ({ ignored, template }) => ({
      deployment: deploymentOf(environment, settings, instanceId, template, image),
      ignored
    }),
    onFailure: (problems) => new PodSpecError({ subject: `environment ${keyOf(environment.metadata)}`, problems })
  })
}

const deploymentOf = (
  environment: Environment,
  settings: SettingsShape,
  instanceId: string,
  template: Json,
  image: PoolImage | undefined
): DesiredDeployment => {
  const { metadata } = environment
  const namespace = workloadNamespace(settings, metadata.namespace ?? "")
  const selector = poolLabels(environment, image)
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: poolName(environment, image && imageHash(image)),
      namespace,
      labels: selector,
      annotations: {
        ...metadata.annotations,
        [annotations.instanceId]: instanceId,
        [annotations.runtimeFingerprint]: runtimeFingerprint(environment)
      },
      ...ownedBy("Environment", metadata, namespace, settings)
    },
    spec: { replicas: image === undefined ? poolSize(environment) : 1, selector: { matchLabels: selector }, template }
  }
}

/** What tells templates of one Environment apart: a fingerprint of ours, or the stock executor's label. */
interface TemplateIdentity {
  readonly labels?: { readonly [label: string]: string } | null | undefined
  readonly annotations?: { readonly [annotation: string]: string } | null | undefined
}

/**
 * Whether a pod is of the Environment's current runtime (poolmgr.md section 5): our fingerprint decides where it is
 * present, else the stock label where its live value can be reproduced, else it is taken to match.
 */
export const isCurrent = (environment: Environment, identity: TemplateIdentity): boolean => {
  if (identity.labels?.[labels.environmentUid] !== environment.metadata.uid) return false
  const fingerprint = identity.annotations?.[annotations.runtimeFingerprint]
  if (fingerprint !== undefined) return fingerprint === runtimeFingerprint(environment)
  const hash = runtimeHash(environment)
  const stamped = identity.labels?.[labels.runtimeHash]
  return hash === undefined || stamped === undefined || hash === stamped
}

/**
 * Whether a pool Deployment has the template that the Environment asks for (poolmgr.md section 5): its annotation
 * decides, else, on one that the stock executor made, the stock label where it is the reproduced one, else the template
 * itself. So nothing rolls when we take over.
 */
export const isDeploymentCurrent = (
  environment: Environment,
  settings: SettingsShape,
  deployment: { readonly metadata: TemplateIdentity; readonly spec: { readonly template?: Json | null | undefined } },
  image?: PoolImage
): boolean => {
  const { metadata, spec } = deployment
  if (metadata.labels?.[labels.environmentUid] !== environment.metadata.uid) return false
  const fingerprint = metadata.annotations?.[annotations.runtimeFingerprint]
  if (fingerprint !== undefined) return fingerprint === runtimeFingerprint(environment)
  const template = objectOf(spec.template)
  const hash = runtimeHash(environment)
  if (hash !== undefined && objectOf(objectOf(template["metadata"])["labels"])[labels.runtimeHash] === hash) return true
  return Result.match(podTemplate(environment, settings, image), {
    onSuccess: (built) => isOfStock(built.template, template),
    onFailure: () => false
  })
}
