import { Result } from "effect"
import { type SettingsShape, workloadNamespace } from "../Config.ts"
import { type Environment, gracePeriodSeconds, poolSize } from "../fission/Environment.ts"
import { annotations, labels, ports } from "../fission/Labels.ts"
import { poolName } from "../fission/PoolName.ts"
import { runtimeFingerprint, runtimeHash } from "../fission/RuntimeHash.ts"
import type { Pod } from "../fission/Workloads.ts"
import { fetcherContainer, preStopSleep, sharedMounts, volumes } from "./FetcherContainer.ts"
import { type Json, objectOf } from "./Json.ts"
import { mergeContainer } from "./MergeContainer.ts"
import { mergePodSpec } from "./MergePodSpec.ts"
import { PodSpecError } from "./PodSpecError.ts"

/** The labels by which a pool is found: those of the Environment and its identity (poolmgr.md section 6.1). */
export const poolLabels = (environment: Environment): { readonly [label: string]: string } => ({
  ...environment.metadata.labels,
  [labels.executorType]: "poolmgr",
  [labels.environmentName]: environment.metadata.name,
  [labels.environmentNamespace]: environment.metadata.namespace ?? "",
  [labels.environmentUid]: environment.metadata.uid ?? "",
  [labels.managed]: "true"
})

/** A Deployment to be created: metadata with a name and namespace, and the rest as JSON. */
export interface DesiredDeployment {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels: { readonly [label: string]: string }
    readonly annotations: { readonly [annotation: string]: string }
    readonly [field: string]: unknown
  }
  readonly spec: { readonly replicas: number; readonly selector: Json; readonly template: Json }
  readonly [field: string]: unknown
}

/**
 * The whole Deployment of an Environment's pool (poolmgr.md section 6). Pure and deterministic: the same Environment and
 * settings give the same object.
 *
 * @param instanceId eight characters that name this process; part of the metadata, never of the template
 */
export const poolDeployment = (
  environment: Environment,
  settings: SettingsShape,
  instanceId: string
): Result.Result<DesiredDeployment, PodSpecError> =>
  Result.map(podTemplate(environment, settings), (template) => {
    const { metadata } = environment
    const namespace = workloadNamespace(settings, metadata.namespace ?? "")
    const owned = !settings.disableOwnerReferences && namespace === metadata.namespace
    const selector = poolLabels(environment)
    return {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: {
        name: poolName(environment),
        namespace,
        labels: selector,
        annotations: {
          ...metadata.annotations,
          [annotations.instanceId]: instanceId,
          [annotations.runtimeFingerprint]: runtimeFingerprint(environment)
        },
        ...(owned ? { ownerReferences: [ownerReference(environment)] } : {})
      },
      spec: { replicas: poolSize(environment), selector: { matchLabels: selector }, template }
    }
  })

const ownerReference = (environment: Environment): Json => ({
  apiVersion: "fission.io/v1",
  kind: "Environment",
  name: environment.metadata.name,
  uid: environment.metadata.uid ?? "",
  controller: true,
  blockOwnerDeletion: true
})

/** Assembles the pod template in the order that poolmgr.md section 6.6 lays down. */
const podTemplate = (environment: Environment, settings: SettingsShape): Result.Result<Json, PodSpecError> => {
  const { metadata, spec } = environment
  const fail = (problem: string) =>
    Result.fail(new PodSpecError({ environment: `${metadata.namespace ?? ""}/${metadata.name}`, problem }))
  if ((spec.runtime.image ?? "") === "") return fail("it has no runtime image (spec.runtime.image)")

  const grace = gracePeriodSeconds(environment)
  const runtime = mergeContainer(runtimeContainer(environment, settings, grace), objectOf(spec.runtime.container))
  if ("problem" in runtime) return fail(runtime.problem)
  const shared = mergeContainer({ ...runtime.container }, { volumeMounts: sharedMounts })
  if ("problem" in shared) return fail(shared.problem)

  const podSpec: Json = {
    serviceAccountName: "fission-fetcher",
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: grace,
    volumes,
    containers: [shared.container, fetcherContainer(settings, grace)],
    ...((spec.imagepullsecret ?? "") === "" ? {} : { imagePullSecrets: [{ name: spec.imagepullsecret }] })
  }
  const overlay = mergePodSpec(podSpec, objectOf(spec.runtime.podspec))
  if ("problem" in overlay) return fail(overlay.problem)

  const hash = runtimeHash(environment)
  const templateAnnotations = {
    ...metadata.annotations,
    ...(hash === undefined ? { [annotations.runtimeFingerprint]: runtimeFingerprint(environment) } : {})
  }
  return Result.succeed({
    metadata: {
      labels: { ...poolLabels(environment), ...(hash === undefined ? {} : { [labels.runtimeHash]: hash }) },
      ...(Object.keys(templateAnnotations).length === 0 ? {} : { annotations: templateAnnotations })
    },
    spec: { ...overlay.podSpec, automountServiceAccountToken: false }
  })
}

/** The runtime container before any overlay (poolmgr.md section 6.3). */
const runtimeContainer = (environment: Environment, settings: SettingsShape, graceSeconds: number): Json => ({
  name: environment.metadata.name,
  image: environment.spec.runtime.image,
  imagePullPolicy: settings.runtimeImagePullPolicy,
  terminationMessagePath: "/dev/termination-log",
  ...(environment.spec.resources ? { resources: environment.spec.resources } : {}),
  ...(settings.stateServiceUrl === ""
    ? {}
    : {
        env: [
          { name: "FISSION_STATE_URL", value: settings.stateServiceUrl },
          { name: "FISSION_STATE_TOKEN_PATH", value: "/userfunc/.fission-state-token" }
        ]
      }),
  ...preStopSleep(graceSeconds),
  ports: [
    { name: "http-fetcher", containerPort: ports.fetcher },
    { name: "http-env", containerPort: ports.runtime }
  ]
})

/** What tells templates of one Environment apart: a fingerprint of ours, or the stock executor's label. */
interface TemplateIdentity {
  readonly labels?: { readonly [label: string]: string } | null | undefined
  readonly annotations?: { readonly [annotation: string]: string } | null | undefined
}

/**
 * Whether a pod, or a pool Deployment with its template, is of the Environment's current runtime (poolmgr.md section 5):
 * our fingerprint decides where it is present, else the stock label where its live value can be reproduced, else it is
 * taken to match.
 */
export const isCurrent = (environment: Environment, identity: TemplateIdentity): boolean => {
  if (identity.labels?.[labels.environmentUid] !== environment.metadata.uid) return false
  const fingerprint = identity.annotations?.[annotations.runtimeFingerprint]
  if (fingerprint !== undefined) return fingerprint === runtimeFingerprint(environment)
  const hash = runtimeHash(environment)
  const stamped = identity.labels?.[labels.runtimeHash]
  return hash === undefined || stamped === undefined || hash === stamped
}

/** `isCurrent` for a pool Deployment: its annotation, else the hash in its template. */
export const isDeploymentCurrent = (
  environment: Environment,
  deployment: { readonly metadata: TemplateIdentity; readonly spec: { readonly template?: Json | null | undefined } }
): boolean => {
  const template = objectOf(objectOf(deployment.spec.template)["metadata"])
  const templateLabels = objectOf(template["labels"])
  const hash = templateLabels[labels.runtimeHash]
  return isCurrent(environment, {
    labels: { ...deployment.metadata.labels, ...(typeof hash === "string" ? { [labels.runtimeHash]: hash } : {}) },
    annotations: deployment.metadata.annotations
  })
}

/**
 * Millicores above which a pod takes no further request: 85 % of the CPU limits of its containers, rounded up; 0 when no
 * container has one, which means no limit (function-service-cache.md section 4.6, C13).
 */
export const cpuLimit = (pod: Pod): number => {
  const limits = (pod.spec?.containers ?? []).map((container) => millicores(container.resources?.limits?.["cpu"]))
  return Math.ceil(0.85 * limits.reduce((sum, limit) => sum + limit, 0))
}

const millicores = (quantity: unknown): number => {
  if (typeof quantity === "number") return quantity * 1000
  if (typeof quantity !== "string") return 0
  return quantity.endsWith("m") ? Number(quantity.slice(0, -1)) || 0 : (Number(quantity) || 0) * 1000
}
