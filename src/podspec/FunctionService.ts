import { isDeepStrictEqual } from "node:util"
import { type SettingsShape, workloadNamespace } from "../Config.ts"
import type { FissionFunction } from "../fission/Function.ts"
import { functionServiceName } from "../fission/FunctionServiceName.ts"
import { annotations, labels, ports } from "../fission/Labels.ts"
import type { OwnerReference } from "../fission/ObjectMeta.ts"
import type { Service } from "../fission/Workloads.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesApi.ts"
import { listOf, objectOf } from "./Json.ts"
import { ownedBy } from "./Ownership.ts"

/** Which pods of a function one Service leads to. */
export interface ServedGeneration {
  /** Name of the FunctionVersion; empty for the function itself. */
  readonly version: string
  readonly generation: number
}

/** A function's headless Service to be created. */
export interface FunctionService {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels: StringMap
    readonly annotations: StringMap
    readonly ownerReferences?: ReadonlyArray<OwnerReference>
  }
  readonly spec: { readonly selector: StringMap; readonly [field: string]: unknown }
  readonly [field: string]: unknown
}

type StringMap = { readonly [key: string]: string }

/**
 * The headless Service whose EndpointSlices show routers the pods that serve a function (poolmgr.md section 10). Pure: the
 * same input gives the same object.
 */
export const functionService = (
  fn: FissionFunction,
  { generation, version }: ServedGeneration,
  settings: SettingsShape,
  instanceId: string
): FunctionService => {
  const { name, uid } = fn.metadata
  const space = fn.metadata.namespace ?? ""
  const namespace = workloadNamespace(settings, space)
  const ofVersion: StringMap = version === "" ? {} : { [labels.functionVersion]: version }
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: functionServiceName(fn.metadata, version),
      namespace,
      labels: {
        [labels.managedBy]: managedBy,
        [labels.executorType]: "poolmgr",
        [labels.functionName]: name,
        [labels.functionNamespace]: space,
        [labels.functionUid]: uid ?? "",
        ...ofVersion
      },
      annotations: { [annotations.instanceId]: instanceId },
      ...ownedBy("Function", fn.metadata, namespace, settings)
    },
    spec: {
      clusterIP: "None",
      ports: [{ protocol: "TCP", port: ports.runtime, targetPort: ports.runtime }],
      selector: {
        [labels.functionUid]: uid ?? "",
        [labels.functionGeneration]: String(generation),
        [labels.served]: "true",
        ...ofVersion
      }
    }
  }
}

const managedBy = "fission"

/** Whether the Service is one that an executor made for a function of poolmgr. */
export const isFunctionService = ({ metadata }: Service): boolean =>
  metadata.labels?.[labels.managedBy] === managedBy && metadata.labels[labels.executorType] === "poolmgr"

/** Which pods a Service leads to; generation 0 where its selector names none. */
export const servedBy = ({ metadata, spec }: Service): ServedGeneration => ({
  version: metadata.labels?.[labels.functionVersion] ?? "",
  generation: generationIn(spec.selector)
})

/**
 * The Service as we want it, on top of what is there: fields unknown to us survive, and so does a higher generation, since
 * only a view that lags behind asks for a lower one (W24). Gives the very object that it got where nothing differs: who
 * wrote it is no difference.
 *
 * @param held as it is stored, or as the view shows it
 */
export const updatedService = (held: KubernetesObject, desired: FunctionService): KubernetesObject => {
  const { metadata } = held
  const spec = objectOf(held["spec"])
  const generation = Math.max(generationIn(spec["selector"]), generationIn(desired.spec.selector))
  const wanted: KubernetesObject = {
    ...held,
    metadata: { ...metadata, labels: { ...metadata.labels, ...desired.metadata.labels }, ...owned(held, desired) },
    spec: {
      ...spec,
      selector: { ...desired.spec.selector, [labels.functionGeneration]: String(generation) },
      ...(leadsToRuntime(spec) ? {} : { ports: desired.spec["ports"] })
    }
  }
  if (isDeepStrictEqual(wanted, held)) return held
  return {
    ...wanted,
    metadata: { ...wanted.metadata, annotations: { ...metadata.annotations, ...desired.metadata.annotations } }
  }
}

const generationIn = (selector: unknown): number => {
  const generation = Number(objectOf(selector)[labels.functionGeneration])
  return Number.isSafeInteger(generation) ? generation : 0
}

/** The owners, where ours has to join them. */
const owned = ({ metadata }: KubernetesObject, desired: FunctionService) => {
  const held = metadata.ownerReferences ?? []
  const missing = (desired.metadata.ownerReferences ?? []).filter(({ uid }) => held.every((owner) => owner.uid !== uid))
  return missing.length === 0 ? {} : { ownerReferences: [...held, ...missing] }
}

const leadsToRuntime = (spec: { readonly [field: string]: unknown }): boolean => {
  const [first, ...others] = listOf(spec["ports"])
  if (first === undefined || others.length > 0) return false
  return first["port"] === ports.runtime && (first["targetPort"] ?? ports.runtime) === ports.runtime
}
