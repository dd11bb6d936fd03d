import { Result } from "effect"
import { type SettingsShape, workloadNamespace } from "../Config.ts"
import type { Environment } from "../fission/Environment.ts"
import type { FissionFunction } from "../fission/Function.ts"
import type { ImageVolume } from "../fission/ImageVolume.ts"
import { ports } from "../fission/Labels.ts"
import { environmentPodSpec } from "./EnvironmentPodSpec.ts"
import { fetcherContainer } from "./FetcherContainer.ts"
import type { FunctionTemplate } from "./FunctionObjects.ts"
import { isUnset, type Json, listOf, objectOf } from "./Json.ts"
import { withImageVolume } from "./PodImageVolume.ts"
import { unsafeFields } from "./PodSpecSafety.ts"
import { environmentAnnotations } from "./PodTemplate.ts"
import { quantityOf } from "../fission/Quantity.ts"
import { foreignReferences } from "../fission/ReferencedObjects.ts"
import { codePath, startupRequest } from "./SpecializeRequest.ts"
import { stateVariables, versionVariable, withFunctionVariables } from "./Variables.ts"

/**
 * The pods of a function of the type newdeploy: its Environment's runtime, and a fetcher that loads the function when it
 * starts (newdeploy-and-container.md section 6). Fails with everything that is wrong, a sentence each.
 *
 * @param versionSum of the Secrets and ConfigMaps that the Function refers to
 * @param image that has the code; absent: the fetcher loads it
 */
export const newdeployTemplate = (
  fn: FissionFunction,
  environment: Environment,
  settings: SettingsShape,
  versionSum: bigint,
  image?: ImageVolume
): Result.Result<FunctionTemplate, ReadonlyArray<string>> =>
  Result.gen(function* () {
    yield* none([...unsafeFields(environment), ...foreignReferences(fn), ...strayContainer(environment)])
    const platform = [versionVariable(versionSum), ...stateVariables(settings)]
    const resources = resourcesOf(fn, environment)
    const { ignored, mainContainer, podSpec } = yield* environmentPodSpec(environment, settings, {
      runtime: {
        ...(isUnset(resources) ? {} : { resources }),
        env: platform,
        ports: [{ name: "http-env", containerPort: ports.runtime }]
      },
      fetcher: (graceSeconds) => fetcherContainer(settings, graceSeconds, startupRequest(environment, fn))
    })
    const namespace = workloadNamespace(settings, fn.metadata.namespace ?? "")
    const varied = yield* withFunctionVariables(podSpec, { container: mainContainer, fn, namespace, platform })
    const path = codePath(environment, fn)
    const spec =
      image === undefined ? varied : yield* withImageVolume(varied, { image, path }, [mainContainer, "fetcher"])
    return { spec, annotations: environmentAnnotations(environment, settings), mainContainer, ignored }
  })

const none = (problems: ReadonlyArray<string>): Result.Result<void, ReadonlyArray<string>> =>
  problems.length === 0 ? Result.succeed(undefined) : Result.fail(problems)

/** A container that is named for the runtime while the pod spec has only others is a mistake of the Environment. */
const strayContainer = ({ spec }: Environment): ReadonlyArray<string> => {
  const name = objectOf(spec.runtime.container)["name"]
  const containers = listOf(objectOf(spec.runtime.podspec)["containers"])
  const isStray = !isUnset(name) && !isUnset(spec.runtime.podspec) && !containers.some((one) => one["name"] === name)
  return isStray ? [`runtime container ${String(name)} not found in pod spec`] : []
}

/** The Environment's resources, of which the Function replaces CPU and memory that it names (section 9). */
const resourcesOf = (fn: FissionFunction, environment: Environment): Json => {
  const ours = objectOf(environment.spec.resources)
  const theirs = objectOf(fn.spec.resources)
  const merged = ["limits", "requests"].map((list) => {
    const named = ["cpu", "memory"].flatMap((resource) => {
      const amount = objectOf(theirs[list])[resource]
      return (quantityOf(amount) ?? 0) === 0 ? [] : [[resource, amount] as const]
    })
    return [list, { ...objectOf(ours[list]), ...Object.fromEntries(named) }] as const
  })
  return { ...ours, ...Object.fromEntries(merged.filter(([, amounts]) => !isUnset(amounts))) }
}
