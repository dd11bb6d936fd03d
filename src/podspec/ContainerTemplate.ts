import { posix } from "node:path"
import { Result } from "effect"
import { type SettingsShape, workloadNamespace } from "../Config.ts"
import type { FissionFunction } from "../fission/Function.ts"
import { annotations } from "../fission/Labels.ts"
import { preStopSleep } from "./FetcherContainer.ts"
import type { FunctionTemplate } from "./FunctionObjects.ts"
import { isUnset, type Json, listOf, objectOf } from "./Json.ts"
import { mergePodSpec } from "./MergePodSpec.ts"
import { unsafeFunctionFields } from "./PodSpecSafety.ts"
import { foreignReferences } from "../fission/ReferencedObjects.ts"
import { versionVariable, withFunctionVariables } from "./Variables.ts"

/** Seconds that a pod of this type may take to stop where its pod spec does not say. */
const defaultGraceSeconds = 360

/**
 * The pods of a function of the type container: what its own pod spec says, and its variables and mounts
 * (newdeploy-and-container.md sections 5, 8 and 10). Fails with everything that is wrong, a sentence each.
 *
 * @param versionSum of the Secrets and ConfigMaps that the Function refers to
 */
export const containerTemplate = (
  fn: FissionFunction,
  settings: SettingsShape,
  versionSum: bigint
): Result.Result<FunctionTemplate, ReadonlyArray<string>> =>
  Result.gen(function* () {
    const container = fn.metadata.name
    const problems = [...unsafeFunctionFields(fn), ...foreignReferences(fn), ...malformed(fn)]
    if (problems.length > 0) return yield* Result.fail(problems)

    const { automountServiceAccountToken, ...overlay } = objectOf(fn.spec.podspec)
    const asked = overlay["terminationGracePeriodSeconds"]
    const grace = typeof asked === "number" && asked >= 0 ? asked : defaultGraceSeconds
    const mounts = mountsOf(fn)
    const platform = [versionVariable(versionSum)]
    const envFrom = legacySources(fn)
    const ours = {
      terminationGracePeriodSeconds: grace,
      ...(isUnset(automountServiceAccountToken) ? {} : { automountServiceAccountToken }),
      ...(mounts.length === 0 ? {} : { volumes: mounts.map(({ volume }) => volume) }),
      containers: [
        {
          name: container,
          imagePullPolicy: settings.runtimeImagePullPolicy,
          terminationMessagePath: "/dev/termination-log",
          ...(isUnset(fn.spec.resources) ? {} : { resources: fn.spec.resources }),
          env: platform,
          ...(envFrom.length === 0 ? {} : { envFrom }),
          ...(mounts.length === 0 ? {} : { volumeMounts: mounts.map(({ mount }) => mount) }),
          ...preStopSleep(grace)
        }
      ]
    }
    const { ignored, podSpec } = yield* mergePodSpec(ours, overlay)
    const namespace = workloadNamespace(settings, fn.metadata.namespace ?? "")
    const spec = yield* withFunctionVariables(podSpec, { container, fn, namespace, platform })
    return {
      spec,
      annotations: settings.istio ? { [annotations.istioInject]: "false" } : {},
      mainContainer: container,
      ignored: ignored.map((path) => `spec.podspec.${path}`)
    }
  })

/** The port on which a function's own container listens; undefined unless there is exactly one. */
export const containerPort = (fn: FissionFunction): number | undefined => {
  const [container, ...others] = listOf(objectOf(fn.spec.podspec)["containers"])
  const [port, ...otherPorts] = listOf(container?.["ports"])
  const number = port?.["containerPort"]
  return others.length === 0 && otherPorts.length === 0 && typeof number === "number" ? number : undefined
}

const malformed = (fn: FissionFunction): ReadonlyArray<string> => {
  const containers = listOf(objectOf(fn.spec.podspec)["containers"])
  if (isUnset(fn.spec.podspec)) return ["executor type container requires a pod spec (spec.podspec)"]
  if (containers.length !== 1) return [`its pod spec must have exactly one container, not ${containers.length}`]
  if (containers[0]?.["name"] !== fn.metadata.name)
    return ["the container of its pod spec must have the function's name"]
  if (isUnset(containers[0]["image"])) return ["the container of its pod spec must have an image"]
  if (containerPort(fn) === undefined) return ["the container of its pod spec must have exactly one port"]
  return referencesOf(fn).flatMap(({ mountPath, reference }) =>
    isBelow(mountPath)
      ? []
      : [`mountPath "${mountPath}" of ${reference.name} is not a relative path below its directory`]
  )
}

const referencesOf = ({ spec }: FissionFunction) => {
  const named = (kind: "secret" | "configmap", references: FissionFunction["spec"]["secrets"]) =>
    (references ?? []).map((reference) => ({ kind, reference, mountPath: reference.mountPath ?? "" }))
  return [...named("secret", spec.secrets), ...named("configmap", spec.configmaps)].filter(
    ({ mountPath }) => mountPath !== ""
  )
}

const isBelow = (path: string): boolean => {
  const clean = posix.normalize(path)
  return !path.startsWith("/") && !path.includes("\\") && clean !== "." && clean !== ".." && !clean.startsWith("../")
}

/** Volumes and read-only mounts of the references that name a path. */
const mountsOf = (fn: FissionFunction): ReadonlyArray<{ readonly volume: Json; readonly mount: Json }> =>
  referencesOf(fn).map(({ kind, mountPath, reference }, index) => {
    const name = volumeName(`fission-${kind}-`, reference.name, `-${index}`)
    const directory = kind === "secret" ? "/secrets" : "/configs"
    const source =
      kind === "secret"
        ? { secret: { secretName: reference.name, defaultMode: 0o750 } }
        : { configMap: { name: reference.name, defaultMode: 0o750 } }
    return {
      volume: { name, ...source },
      mount: { name, readOnly: true, mountPath: posix.join(directory, mountPath).replace(/\/$/u, "") }
    }
  })

/** Cut to the 63 characters that a volume's name may have. */
const volumeName = (prefix: string, name: string, suffix: string): string =>
  `${prefix}${name}`.slice(0, 63 - suffix.length).replace(/-$/u, "") + suffix

/** Every listed object as a source of variables, where the Function names no sources of its own. */
const legacySources = ({ spec }: FissionFunction): ReadonlyArray<Json> => {
  if ((spec.envFrom ?? []).length > 0) return []
  return [
    ...(spec.configmaps ?? []).map(({ name }) => ({ configMapRef: { name } })),
    ...(spec.secrets ?? []).map(({ name }) => ({ secretRef: { name } }))
  ]
}
