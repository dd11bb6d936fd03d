import { Result } from "effect"
import type { SettingsShape } from "../Config.ts"
import { type Environment, gracePeriodSeconds } from "../fission/Environment.ts"
import { fetcherTokenVolume, preStopSleep, sharedMounts, sharedVolumes, withToken } from "./FetcherContainer.ts"
import { duplicatesOf, isUnset, type Json, listOf, objectOf } from "./Json.ts"
import { mergeContainer } from "./MergeContainer.ts"
import { type MergedPodSpec, mergePodSpec } from "./MergePodSpec.ts"
import { type ImageMount, withImageVolume } from "./PodImageVolume.ts"
import { withoutTokenMounts } from "./TokenMounts.ts"

/** What tells the pods of a pool and those of one function apart. */
export interface PodParts {
  /** What the runtime container has besides what every one has. */
  readonly runtime: Json
  /** The fetcher of a pod of that grace, without its token; absent: the pod has none, nor what it shares with one. */
  readonly fetcher: ((graceSeconds: number) => Json) | undefined
  /** The image that the pod has the code from, if it has it from one. */
  readonly code?: ImageMount | undefined
}

/** A pod spec, and what it does not take of what the Environment and the operator ask for. */
export interface EnvironmentPodSpec extends MergedPodSpec {
  /** Name of the container that runs the function. */
  readonly mainContainer: string
}

/**
 * The pod spec of an Environment with the containers given (poolmgr.md section 6.6, newdeploy-and-container.md section 6).
 * A patch of the operator that does not go together with this Environment is left out and named among what is ignored.
 * Fails with every conflict, a sentence each.
 */
export const environmentPodSpec = (
  environment: Environment,
  settings: SettingsShape,
  parts: PodParts
): Result.Result<EnvironmentPodSpec, ReadonlyArray<string>> =>
  Result.orElse(assemble(environment, settings, parts, settings.podSpecPatch), (problems) =>
    Result.map(assemble(environment, settings, parts, {}), (built) => ({
      ...built,
      ignored: [`the operator's patch, because ${problems.join("; ")}`, ...built.ignored]
    }))
  )

/** Assembles the pod spec in the order that poolmgr.md section 6.6 lays down. */
const assemble = (
  environment: Environment,
  settings: SettingsShape,
  parts: PodParts,
  patch: Json
): Result.Result<EnvironmentPodSpec, ReadonlyArray<string>> =>
  Result.gen(function* () {
    const { imagepullsecret, runtime } = environment.spec
    const overlay = objectOf(runtime.podspec)
    // The sleep before SIGTERM follows the grace that the pod ends up with (W31).
    const grace = graceOf(overlay) ?? graceOf(patch) ?? gracePeriodSeconds(environment)

    const container = withoutTokenMounts(objectOf(runtime.container))
    const main = yield* mergeContainer(
      { ...runtimeContainer(environment, settings, grace), ...parts.runtime },
      container.container
    )
    const patched = yield* mergePodSpec(
      {
        serviceAccountName: "fission-fetcher",
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: gracePeriodSeconds(environment),
        ...(parts.fetcher === undefined ? {} : { volumes: [fetcherTokenVolume] }),
        containers: [main]
      },
      patch
    )
    const pulled = withPullSecret(patched.podSpec, imagepullsecret ?? "")
    const complete = parts.fetcher === undefined ? pulled : yield* withFetcher(pulled, main, parts.fetcher(grace))
    const { ignored, podSpec: merged } = yield* mergePodSpec(complete, overlay)
    const mounting = [String(main["name"]), ...(parts.fetcher === undefined ? [] : ["fetcher"])]
    const podSpec = parts.code === undefined ? merged : yield* withImageVolume(merged, parts.code, mounting)
    const containers = listOf(podSpec["containers"])
    yield* checked(containers, main)
    return {
      mainContainer: String(main["name"]),
      podSpec: {
        ...podSpec,
        containers: containers.map((held) =>
          parts.fetcher !== undefined && held["name"] === "fetcher" ? withToken(held) : held
        )
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
  ...preStopSleep(graceSeconds)
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
