import { Data, Effect } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import type { KubernetesApi, KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import { ConfigMaps, Secrets } from "../Kinds.ts"
import { jsonIn } from "../StoredObject.ts"
import type { EnvironmentSource, EnvironmentVariable, KubeletPod } from "./PodObject.ts"

/** What a container needs is not there; the kubelet tries again later. */
export class ConfigError extends Data.TaggedError("ConfigError")<{ readonly message: string }> {}

/** A Pod and what the kubelet knows about it beyond its object. */
export interface PodContext {
  readonly pod: KubeletPod
  readonly address: string
  readonly nodeName: string
}

/** The value of a downward API field. Fails with `ConfigError` for a field that is not known. */
export const fieldOf = ({ address, nodeName, pod }: PodContext, path: string): Effect.Effect<string, ConfigError> => {
  const { metadata, spec } = pod
  const entry = /^metadata\.(labels|annotations)\['([^']+)'\]$/u.exec(path)
  if (entry !== null) {
    const map = entry[1] === "labels" ? metadata.labels : metadata.annotations
    return Effect.succeed(map?.[entry[2] ?? ""] ?? "")
  }
  const fields: { readonly [path: string]: string } = {
    "metadata.name": metadata.name,
    "metadata.namespace": metadata.namespace ?? "",
    "metadata.uid": metadata.uid ?? "",
    "metadata.labels": linesOf(metadata.labels ?? {}),
    "metadata.annotations": linesOf(metadata.annotations ?? {}),
    "spec.nodeName": nodeName,
    "spec.serviceAccountName": spec.serviceAccountName ?? "",
    "status.podIP": address,
    "status.hostIP": "127.0.0.1"
  }
  const value = fields[path]
  return value === undefined
    ? Effect.fail(new ConfigError({ message: `the field ${path} is not supported by the embedded kubelet` }))
    : Effect.succeed(value)
}

const linesOf = (map: { readonly [name: string]: string }): string =>
  Object.entries(map)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join("\n")

/** The data of a Secret or ConfigMap by key, undefined when it does not exist. */
export type ReadData = (
  kind: "secret" | "configmap",
  name: string
) => Effect.Effect<ReadonlyMap<string, Buffer> | undefined, KubernetesError>

/** Reads each Secret and ConfigMap of a namespace at most once. */
export const dataReader = (api: KubernetesApi["Service"], namespace: string): Effect.Effect<ReadData> =>
  Effect.sync(() => {
    const read = new Map<string, ReadonlyMap<string, Buffer> | undefined>()
    return Effect.fnUntraced(function* (kind, name) {
      const key = `${kind}/${name}`
      if (read.has(key)) return read.get(key)
      const object = yield* api
        .get(kind === "secret" ? Secrets : ConfigMaps, { namespace, name })
        .pipe(Effect.catchTag("KubernetesNotFound", () => Effect.succeed(undefined)))
      const data = object === undefined ? undefined : dataOf(kind, object)
      read.set(key, data)
      return data
    })
  })

const dataOf = (kind: "secret" | "configmap", object: KubernetesObject): ReadonlyMap<string, Buffer> => {
  const entries = (field: string, encoding: "base64" | "utf8") =>
    Object.entries(jsonIn(object, field)).map(([key, value]) => [key, Buffer.from(String(value), encoding)] as const)
  return new Map([...entries("data", kind === "secret" ? "base64" : "utf8"), ...entries("binaryData", "base64")])
}

/** The value of one variable, undefined when it is optional and absent. */
const valueOf = Effect.fnUntraced(function* (context: PodContext, read: ReadData, variable: EnvironmentVariable) {
  const { configMapKeyRef, fieldRef, secretKeyRef } = variable.valueFrom ?? {}
  if (fieldRef) return yield* fieldOf(context, fieldRef.fieldPath)
  const reference = secretKeyRef ?? configMapKeyRef
  if (!reference) return variable.value ?? ""
  const kind = secretKeyRef ? "secret" : "configmap"
  const data = yield* read(kind, reference.name)
  const value = data?.get(reference.key)
  if (value !== undefined) return value.toString("utf8")
  if (reference.optional === true) return undefined
  const namespace = context.pod.metadata.namespace ?? ""
  return yield* new ConfigError({
    message:
      data === undefined
        ? `${kind} "${reference.name}" not found`
        : `couldn't find key ${reference.key} in ${kind === "secret" ? "Secret" : "ConfigMap"} ${namespace}/${reference.name}`
  })
})

/** Everything in one Secret or ConfigMap, as variables. */
const allOf = Effect.fnUntraced(function* (read: ReadData, source: EnvironmentSource) {
  const kind = source.secretRef ? "secret" : "configmap"
  const { name = "", optional = false } = source.secretRef ?? source.configMapRef ?? {}
  const data = yield* read(kind, name ?? "")
  if (data === undefined && optional !== true) return yield* new ConfigError({ message: `${kind} "${name}" not found` })
  return [...(data ?? [])].map(([key, value]) => [`${source.prefix ?? ""}${key}`, value.toString("utf8")] as const)
})

/** The environment of a container: its sources, and over them its variables; a later one of the same name wins. */
export const environmentOf = Effect.fnUntraced(function* (
  context: PodContext,
  read: ReadData,
  variables: ReadonlyArray<EnvironmentVariable>,
  sources: ReadonlyArray<EnvironmentSource> = []
) {
  const environment: { [name: string]: string } = {}
  for (const source of sources) Object.assign(environment, Object.fromEntries(yield* allOf(read, source)))
  for (const variable of variables) {
    const value = yield* valueOf(context, read, variable)
    if (value !== undefined) environment[variable.name] = value
  }
  return environment
})
