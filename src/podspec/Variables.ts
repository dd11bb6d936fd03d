import { Result } from "effect"
import type { SettingsShape } from "../Config.ts"
import type { FissionFunction } from "../fission/Function.ts"
import { isUnset, type Json, listOf } from "./Json.ts"

/** The variables by which a function finds the state service; none where there is no such service. */
export const stateVariables = ({ stateServiceUrl }: SettingsShape): ReadonlyArray<Json> =>
  stateServiceUrl === ""
    ? []
    : [
        { name: "FISSION_STATE_URL", value: stateServiceUrl },
        { name: "FISSION_STATE_TOKEN_PATH", value: "/userfunc/.fission-state-token" }
      ]

/** The variable whose change rolls a Deployment when a Secret or ConfigMap changed. */
export const versionVariable = (versionSum: bigint): Json => ({
  name: "RESOURCE_VERSION_COUNT",
  value: String(versionSum)
})

/**
 * Puts a Function's `env` and `envFrom` into the container of that name (newdeploy-and-container.md section 10). Platform
 * variables stand last, because the kubelet lets the last of a name win. Fails where a reference would be looked up in
 * another namespace than the Function's.
 */
export const withFunctionVariables = (
  podSpec: Json,
  {
    container,
    fn,
    namespace,
    platform
  }: {
    readonly container: string
    readonly fn: FissionFunction
    /** Of the pod. */
    readonly namespace: string
    readonly platform: ReadonlyArray<Json>
  }
): Result.Result<Json, ReadonlyArray<string>> => {
  const env = listOf(fn.spec.env)
  const envFrom = listOf(fn.spec.envFrom)
  if (env.length === 0 && envFrom.length === 0) return Result.succeed(podSpec)

  const refers = envFrom.length > 0 || env.some(({ valueFrom }) => !isUnset(valueFrom))
  if (refers && namespace !== fn.metadata.namespace) {
    return Result.fail([`its variables refer to objects of namespace ${fn.metadata.namespace}, its pods are elsewhere`])
  }
  const isAmong = (variables: ReadonlyArray<Json>) => (one: Json) => variables.some(({ name }) => name === one["name"])
  const isPlatform = isAmong(platform)
  const isGiven = isAmong(env)
  const changed = listOf(podSpec["containers"]).map((held) => {
    if (held["name"] !== container) return held
    const kept = listOf(held["env"]).filter((variable) => !isPlatform(variable) && !isGiven(variable))
    const sources = [...listOf(held["envFrom"]), ...envFrom]
    return {
      ...held,
      env: [...kept, ...env.filter((variable) => !isPlatform(variable)), ...platform],
      ...(sources.length === 0 ? {} : { envFrom: sources })
    }
  })
  return Result.succeed({ ...podSpec, containers: changed })
}
