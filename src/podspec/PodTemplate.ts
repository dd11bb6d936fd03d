import { Result } from "effect"
import type { SettingsShape } from "../Config.ts"
import type { Environment } from "../fission/Environment.ts"
import { imageHash, type PoolImage } from "../fission/ImageVolume.ts"
import { annotations, labels, ports } from "../fission/Labels.ts"
import { runtimeFingerprint, runtimeHash } from "../fission/RuntimeHash.ts"
import { environmentPodSpec } from "./EnvironmentPodSpec.ts"
import { fetcherContainer } from "./FetcherContainer.ts"
import { isUnset, type Json } from "./Json.ts"
import { ownCodePath } from "./SpecializeRequest.ts"
import { stateVariables } from "./Variables.ts"

/**
 * The labels by which a pool is found: those of the Environment, its identity, and its image where it has one
 * (poolmgr.md section 6.1).
 */
export const poolLabels = (environment: Environment, image?: PoolImage): { readonly [label: string]: string } => ({
  ...environment.metadata.labels,
  [labels.executorType]: "poolmgr",
  [labels.environmentName]: environment.metadata.name,
  [labels.environmentNamespace]: environment.metadata.namespace ?? "",
  [labels.environmentUid]: environment.metadata.uid ?? "",
  [labels.managed]: "true",
  ...(image === undefined ? {} : { [labels.ociImageHash]: imageHash(image) })
})

/** A pod template, and what it does not take of what the Environment and the operator ask for. */
export interface PodTemplate {
  readonly template: Json
  /** Paths of fields, such as `spec.runtime.podspec.dnsConfig`. */
  readonly ignored: ReadonlyArray<string>
}

/**
 * The pod template of an Environment's pool, plain or for one image (poolmgr.md sections 6 and 18). A patch of the operator that does not go together
 * with this Environment is left out and named among what is ignored. Fails with every conflict in the Environment, a
 * sentence each.
 */
export const podTemplate = (
  environment: Environment,
  settings: SettingsShape,
  image?: PoolImage
): Result.Result<PodTemplate, ReadonlyArray<string>> => {
  const hash = runtimeHash(environment)
  const templateAnnotations = {
    ...environmentAnnotations(environment, settings),
    ...(hash === undefined ? { [annotations.runtimeFingerprint]: runtimeFingerprint(environment) } : {})
  }
  const env = stateVariables(settings)
  const podSpec = environmentPodSpec(environment, settings, {
    runtime: {
      ...(environment.spec.resources ? { resources: environment.spec.resources } : {}),
      ...(env.length === 0 ? {} : { env }),
      ports: [
        { name: "http-fetcher", containerPort: ports.fetcher },
        { name: "http-env", containerPort: ports.runtime }
      ]
    },
    fetcher: image?.hasFetcher === false ? undefined : (graceSeconds) => fetcherContainer(settings, graceSeconds),
    code: image && { image, path: ownCodePath }
  })
  return Result.map(podSpec, ({ ignored, podSpec }) => ({
    template: {
      metadata: {
        labels: { ...poolLabels(environment, image), ...(hash === undefined ? {} : { [labels.runtimeHash]: hash }) },
        ...(isUnset(templateAnnotations) ? {} : { annotations: templateAnnotations })
      },
      spec: podSpec
    },
    ignored
  }))
}

/** The annotations of an Environment's pods. */
export const environmentAnnotations = (
  environment: Environment,
  settings: SettingsShape
): { readonly [annotation: string]: string } => {
  const isolated = settings.istio && environment.spec.allowAccessToExternalNetwork === true
  return { ...environment.metadata.annotations, ...(isolated ? { [annotations.istioInject]: "false" } : {}) }
}
