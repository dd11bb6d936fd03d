import { type SettingsShape, workloadNamespace } from "../Config.ts"
import { serviceAddress } from "../fission/Address.ts"
import type { Environment } from "../fission/Environment.ts"
import type { FissionFunction } from "../fission/Function.ts"
import { functionObjectName } from "../fission/FunctionObjectName.ts"
import { annotations, labels } from "../fission/Labels.ts"
import type { Deployment } from "../fission/Workloads.ts"
import { autoscalerSpec, ignoredTarget } from "./Autoscaler.ts"
import type { Json } from "./Json.ts"
import { ownedBy } from "./Ownership.ts"
import type { DesiredDeployment } from "./PoolDeployment.ts"
import { templateHash } from "./TemplateHash.ts"

/** The pods of a function that has a Deployment of its own. */
export interface FunctionTemplate {
  /** The pod spec. */
  readonly spec: Json
  readonly annotations: { readonly [annotation: string]: string }
  /** Name of the container that runs the function. */
  readonly mainContainer: string
  /** Paths of fields that are not taken, such as `spec.runtime.podspec.dnsConfig`. */
  readonly ignored: ReadonlyArray<string>
}

/** An object to be created: metadata with a name and namespace, and the rest as JSON. */
export interface DesiredObject {
  readonly metadata: DesiredDeployment["metadata"]
  readonly spec: Json
  readonly [field: string]: unknown
}

/** Everything that runs one function: three objects of one name, and the address that leads to them. */
export interface FunctionObjects {
  readonly name: string
  /** Of the objects; the Function may be in another one. */
  readonly namespace: string
  /** What the router is told. */
  readonly address: string
  readonly service: DesiredObject
  readonly deployment: DesiredDeployment
  readonly autoscaler: DesiredObject
  readonly templateHash: string
  readonly ignored: ReadonlyArray<string>
}

/** Where the objects of a function are. */
export const functionObjectsReference = (
  type: string,
  fn: Pick<FissionFunction, "metadata">,
  settings: SettingsShape
) => {
  const name = functionObjectName(type, fn.metadata)
  const namespace = workloadNamespace(settings, fn.metadata.namespace ?? "")
  return { name, namespace, address: serviceAddress(name, namespace, settings.clusterDomain) }
}

/**
 * The objects of a function of the type newdeploy or container (newdeploy-and-container.md sections 3 to 5 and 14). Pure
 * and deterministic.
 */
export const functionObjects = (
  type: string,
  given: {
    readonly fn: FissionFunction
    /** Absent for the type container. */
    readonly environment?: Environment
    readonly template: FunctionTemplate
    /** On which the main container listens. */
    readonly port: number
    /** Eight characters that name this process; part of the metadata, never of the template. */
    readonly instanceId: string
  },
  settings: SettingsShape
): FunctionObjects => {
  const { environment, fn, instanceId, port, template } = given
  const reference = functionObjectsReference(type, fn, settings)
  const { name, namespace } = reference
  const selector = functionLabels(type, fn, environment)
  const metadata = {
    name,
    namespace,
    labels: selector,
    annotations: {
      ...environment?.metadata.annotations,
      ...fn.metadata.annotations,
      [annotations.instanceId]: instanceId,
      [annotations.functionResourceVersion]: fn.metadata.resourceVersion ?? ""
    },
    ...ownedBy("Function", fn.metadata, namespace, settings)
  }
  const hasAnnotations = Object.keys(template.annotations).length > 0
  const podTemplate = {
    metadata: { labels: selector, ...(hasAnnotations ? { annotations: template.annotations } : {}) },
    spec: template.spec
  }
  const hash = templateHash(podTemplate)
  const replicas = Math.max(1, fn.spec.InvokeStrategy?.ExecutionStrategy?.MinScale ?? 0)
  return {
    ...reference,
    service: {
      apiVersion: "v1",
      kind: "Service",
      metadata: { ...metadata, labels: { ...selector, [labels.managedBy]: "fission" } },
      spec: { type: "ClusterIP", ports: [{ name: "http-env", port: 80, targetPort: port }], selector }
    },
    deployment: {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { ...metadata, annotations: { ...metadata.annotations, [annotations.templateHash]: hash } },
      spec: {
        replicas,
        selector: { matchLabels: selector },
        template: podTemplate,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "20%", maxSurge: "20%" } },
        revisionHistoryLimit: 0
      }
    },
    autoscaler: {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata,
      spec: autoscalerSpec(fn, name, template.mainContainer)
    },
    templateHash: hash,
    ignored: [...template.ignored, ...ignoredTarget(fn)]
  }
}

/** The same objects with the pods of a Deployment that is there, whatever the Function asks for by now. */
export const withTemplateOf = (objects: FunctionObjects, { metadata, spec }: Deployment): FunctionObjects => {
  const { [annotations.templateHash]: _, ...others } = objects.deployment.metadata.annotations
  const hash = metadata.annotations?.[annotations.templateHash]
  return {
    ...objects,
    deployment: {
      ...objects.deployment,
      metadata: {
        ...objects.deployment.metadata,
        annotations: { ...others, ...(hash === undefined ? {} : { [annotations.templateHash]: hash }) }
      },
      spec: { ...objects.deployment.spec, template: spec.template ?? objects.deployment.spec.template }
    },
    templateHash: hash ?? objects.templateHash
  }
}

/** The labels of everything that belongs to a function. Those of the system win, else a user could hide a function. */
const functionLabels = (
  type: string,
  { metadata }: FissionFunction,
  environment: Environment | undefined
): { readonly [label: string]: string } => ({
  ...environment?.metadata.labels,
  ...metadata.labels,
  [labels.executorType]: type,
  ...(environment === undefined
    ? {}
    : {
        [labels.environmentName]: environment.metadata.name,
        [labels.environmentNamespace]: environment.metadata.namespace ?? "",
        [labels.environmentUid]: environment.metadata.uid ?? ""
      }),
  [labels.functionName]: metadata.name,
  [labels.functionNamespace]: metadata.namespace ?? "",
  [labels.functionUid]: metadata.uid ?? ""
})
