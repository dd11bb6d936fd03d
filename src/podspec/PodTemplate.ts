import { Result } from "effect"
import type { SettingsShape } from "../Config.ts"
import { type Environment, gracePeriodSeconds } from "../fission/Environment.ts"
import { annotations, labels, ports } from "../fission/Labels.ts"
import { runtimeFingerprint, runtimeHash } from "../fission/RuntimeHash.ts"
import {
  fetcherContainer,
  fetcherTokenVolume,
  preStopSleep,
  sharedMounts,
  sharedVolumes,
  withToken
} from "./FetcherContainer.ts"
import { duplicatesOf, isUnset, type Json, listOf, objectOf } from "./Json.ts"
import { mergeContainer } from "./MergeContainer.ts"
import { type MergedPodSpec, mergePodSpec } from "./MergePodSpec.ts"
import { withoutTokenMounts } from "./TokenMounts.ts"

/** The labels by which a pool is found: those of the Environment and its identity (poolmgr.md section 6.1). */
export const poolLabels = (environment: Environment): { readonly [label: string]: string } => ({
  ...environment.metadata.labels,
  [labels.executorType]: "poolmgr",
  [labels.environmentName]: environment.metadata.name,
  [labels.environmentNamespace]: environment.metadata.namespace ?? "",
  [labels.environmentUid]: environment.metadata.uid ?? "",
  [labels.managed]: "true"
})

/** A pod template, and what it does not take of what the Environment and the operator ask for. */
export interface PodTemplate {
  readonly template: Json
  /** Paths of fields, such as `spec.runtime.podspec.dnsConfig`. */
  readonly ignored: ReadonlyArray<string>
}

/**
 * The pod template of an Environment's pool (poolmgr.md section 6). A patch of the operator that does not go together
 * with this Environment is left out and named among what is ignored. Fails with every conflict in the Environment, a
 * sentence each.
 */
export const podTemplate = (
  environment: Environment,
  settings: SettingsShape
): Result.Result<PodTemplate, ReadonlyArray<string>> => {
  const hash = runtimeHash(environment)
  const isolated = settings.istio && environment.spec.allowAccessToExternalNetwork === true
  const templateAnnotations = {
    ...environment.metadata.annotations,
    ...(isolated ? { [annotations.istioInject]: "false" } : {}),
    ...(hash === undefined ? { [annotations.runtimeFingerprint]: runtimeFingerprint(environment) } : {})
  }
  return Result.map(patchedPodSpec(environment, settings), ({ ignored, podSpec }) => ({
    template: {
      metadata: {
        labels: { ...poolLabels(environment), ...(hash === undefined ? {} : { [labels.runtimeHash]: hash }) },
        ...(isUnset(templateAnnotations) ? {} : { annotations: templateAnnotations })
      },
      spec: podSpec
    },
    ignored
  }))
}

const patchedPodSpec = (
  environment: Environment,
  settings: SettingsShape
): Result.Result<MergedPodSpec, ReadonlyArray<string>> =>
  Result.orElse(assemble(environment, settings, settings.podSpecPatch), (problems) =>
    Result.map(assemble(environment, settings, {}), ({ ignored, podSpec }) => ({
      podSpec,
      ignored: [`the operator's patch, because ${problems.join("; ")}`, ...ignored]
    }))
  )

/** Assembles the pod spec in the order that poolmgr.md section 6.6 lays down. */
const assemble = (
  environment: Environment,
  settings: SettingsShape,
  patch: Json
): Result.Result<MergedPodSpec, ReadonlyArray<string>> =>
  Result.gen(function* () {
    const { imagepullsecret, runtime } = environment.spec
    const overlay = objectOf(runtime.podspec)
    // The sleep before SIGTERM follows the grace that the pod ends up with (W31).
    const grace = graceOf(overlay) ?? graceOf(patch) ?? gracePeriodSeconds(environment)

    const container = withoutTokenMounts(objectOf(runtime.container))
    const main = yield* mergeContainer(runtimeContainer(environment, settings, grace), container.container)
    const patched = yield* mergePodSpec(
      {
        serviceAccountName: "fission-fetcher",
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: gracePeriodSeconds(environment),
        volumes: [fetcherTokenVolume],
        containers: [main]
      },
      patch
    )
    const complete = yield* withFetcher(
      withPullSecret(patched.podSpec, imagepullsecret ?? ""),
      main,
      fetcherContainer(settings, grace)
    )
    const { ignored, podSpec } = yield* mergePodSpec(complete, overlay)
    const containers = listOf(podSpec["containers"])
    yield* checked(containers, main)
    return {
      podSpec: {
        ...podSpec,
        containers: containers.map((held) => (held["name"] === "fetcher" ? withToken(held) : held))
      },
      ignored: [
        ...patched.ignored.map((path) => `the operator's patch: ${path}`),
        ...container.ignored.map((path) => `spec.runtime.container.${path}`),
        ...ignored.map((path) => `spec.runtime.podspec.${path}`)
      ]
    }
  })

/** The grace that a pod spec sets, if it sets one. */
const graceOf = (podSpec: Json): number | undefined => {
  const seconds = podSpec["terminationGracePeriodSeconds"]
  return typeof seconds === "number" ? seconds : undefined
}

/** The runtime container before any overlay (poolmgr.md section 6.3). */
const runtimeContainer = (environment: Environment, settings: SettingsShape, graceSeconds: number): Json => ({
  name: environment.metadata.name,
  image: environment.spec.runtime.image ?? "",
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

/** The Environment's pull secret besides those of the operator, which the stock executor discards for it (W31). */
const withPullSecret = (podSpec: Json, name: string): Json => {
  const held = listOf(podSpec["imagePullSecrets"])
  const isThere = name === "" || held.some((secret) => secret["name"] === name)
  return isThere ? podSpec : { ...podSpec, imagePullSecrets: [...held, { name }] }
}

/** The pod with its fetcher, and the volumes that it shares with the runtime, whatever the runtime's name (W30). */
const withFetcher = (podSpec: Json, main: Json, fetcher: Json): Result.Result<Json, ReadonlyArray<string>> =>
  Result.gen(function* () {
    const containers = listOf(podSpec["containers"])
    const shared = yield* Result.all(
      containers.map((held) =>
        held["name"] === main["name"] ? mergeContainer(held, { volumeMounts: sharedMounts }) : Result.succeed(held)
      )
    )
    return {
      ...podSpec,
      volumes: [...listOf(podSpec["volumes"]), ...sharedVolumes],
      containers: [...shared, fetcher]
    }
  })

/** What an API server would refuse in words that do not lead back to the Environment. */
const checked = (containers: ReadonlyArray<Json>, main: Json): Result.Result<void, ReadonlyArray<string>> => {
  const runtime = containers.find(({ name }) => name === main["name"])
  const problems = [
    ...(isUnset(runtime?.["image"]) ? ["it has no runtime image (spec.runtime.image)"] : []),
    ...duplicatesOf(containers.map(({ name }) => String(name))).map((name) => `two containers are named "${name}"`)
  ]
  return problems.length === 0 ? Result.succeed(undefined) : Result.fail(problems)
}
