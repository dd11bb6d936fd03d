import { Schema } from "effect"
import { ObjectMeta, optional, type OwnerReference, StringMap } from "../fission/ObjectMeta.ts"
import { apiVersionOf, type Described, type ResourceKind } from "../fission/ResourceKind.ts"
import type { ObjectReference } from "../kubernetes/KubernetesApi.ts"
import type { ServedKind } from "./ServedKinds.ts"

type Location = Pick<ResourceKind, "group" | "version" | "kind" | "plural" | "namespaced">

const kindOf = <A extends Described>(location: Location, schema: Schema.Codec<A, unknown>): ResourceKind<A> => ({
  ...location,
  metadataOnly: false,
  decode: Schema.decodeUnknownResult(schema)
})

const core = (kind: string, plural: string, namespaced = true): Location => ({
  group: "",
  version: "v1",
  kind,
  plural,
  namespaced
})

const apps = (kind: string, plural: string): Location => ({
  group: "apps",
  version: "v1",
  kind,
  plural,
  namespaced: true
})

const PodCondition = Schema.Struct({
  type: Schema.String,
  status: Schema.String,
  lastTransitionTime: optional(Schema.String)
})

/** A condition of a Deployment or ReplicaSet. */
export const WorkloadCondition = Schema.Struct({
  type: Schema.String,
  status: Schema.String,
  reason: optional(Schema.String),
  message: optional(Schema.String),
  lastUpdateTime: optional(Schema.String),
  lastTransitionTime: optional(Schema.String)
})
export type WorkloadCondition = typeof WorkloadCondition.Type

const NamedPort = Schema.Struct({ name: optional(Schema.String), containerPort: Schema.Int })

/** A Pod as its controllers see it. */
export const WorkloadPod = Schema.Struct({
  metadata: ObjectMeta,
  spec: optional(
    Schema.Struct({
      nodeName: optional(Schema.String),
      containers: optional(Schema.Array(Schema.Struct({ ports: optional(Schema.Array(NamedPort)) })))
    })
  ),
  status: optional(
    Schema.Struct({
      phase: optional(Schema.String),
      podIP: optional(Schema.String),
      conditions: optional(Schema.Array(PodCondition))
    })
  )
})
export type WorkloadPod = typeof WorkloadPod.Type

const Selector = Schema.Struct({ matchLabels: StringMap })
const Template = Schema.Record(Schema.String, Schema.Unknown)

/** A ReplicaSet; the template is kept as it came. */
export const ReplicaSet = Schema.Struct({
  metadata: ObjectMeta,
  spec: Schema.Struct({
    replicas: optional(Schema.Int),
    minReadySeconds: optional(Schema.Int),
    selector: Selector,
    template: Template
  }),
  status: optional(
    Schema.Struct({
      replicas: optional(Schema.Int),
      fullyLabeledReplicas: optional(Schema.Int),
      readyReplicas: optional(Schema.Int),
      availableReplicas: optional(Schema.Int),
      observedGeneration: optional(Schema.Int),
      conditions: optional(Schema.Array(WorkloadCondition))
    })
  )
})
export type ReplicaSet = typeof ReplicaSet.Type

const Amount = Schema.Union([Schema.Int, Schema.String])

/** A Deployment; the template is kept as it came. */
export const Deployment = Schema.Struct({
  metadata: ObjectMeta,
  spec: Schema.Struct({
    replicas: optional(Schema.Int),
    selector: Selector,
    template: Template,
    minReadySeconds: optional(Schema.Int),
    progressDeadlineSeconds: optional(Schema.Int),
    revisionHistoryLimit: optional(Schema.Int),
    strategy: optional(
      Schema.Struct({
        type: optional(Schema.String),
        rollingUpdate: optional(Schema.Struct({ maxSurge: optional(Amount), maxUnavailable: optional(Amount) }))
      })
    )
  }),
  status: optional(
    Schema.Struct({
      replicas: optional(Schema.Int),
      updatedReplicas: optional(Schema.Int),
      readyReplicas: optional(Schema.Int),
      availableReplicas: optional(Schema.Int),
      unavailableReplicas: optional(Schema.Int),
      observedGeneration: optional(Schema.Int),
      conditions: optional(Schema.Array(WorkloadCondition))
    })
  )
})
export type Deployment = typeof Deployment.Type

/** A Service as the controller of its endpoints sees it. */
export const Service = Schema.Struct({
  metadata: ObjectMeta,
  spec: optional(
    Schema.Struct({
      clusterIP: optional(Schema.String),
      selector: optional(StringMap),
      publishNotReadyAddresses: optional(Schema.Boolean),
      ports: optional(
        Schema.Array(
          Schema.Struct({
            name: optional(Schema.String),
            protocol: optional(Schema.String),
            appProtocol: optional(Schema.String),
            port: Schema.Int,
            targetPort: optional(Amount)
          })
        )
      )
    })
  )
})
export type Service = typeof Service.Type

/** An EndpointSlice; endpoints and ports are kept as they came. */
const EndpointSlice = Schema.Struct({
  metadata: ObjectMeta,
  endpoints: optional(Schema.Array(Schema.Unknown)),
  ports: optional(Schema.Array(Schema.Unknown))
})

const Described = Schema.Struct({ metadata: ObjectMeta })

const Namespace = Schema.Struct({
  metadata: ObjectMeta,
  spec: optional(Schema.Struct({ finalizers: optional(Schema.Array(Schema.String)) }))
})

/** `pods`, for controllers. */
export const WorkloadPods = kindOf(core("Pod", "pods"), WorkloadPod)
/** `replicasets.apps/v1` */
export const ReplicaSets = kindOf(apps("ReplicaSet", "replicasets"), ReplicaSet)
/** `deployments.apps/v1`, with all that a rollout depends on. */
export const Deployments = kindOf(apps("Deployment", "deployments"), Deployment)
/** `services`, with what their endpoints depend on. */
export const Services = kindOf(core("Service", "services"), Service)
/** `endpointslices.discovery.k8s.io/v1` */
export const EndpointSlices = kindOf(
  { group: "discovery.k8s.io", version: "v1", kind: "EndpointSlice", plural: "endpointslices", namespaced: true },
  EndpointSlice
)
/** `events` of the core group */
export const Events = kindOf(core("Event", "events"), Described)
/** `namespaces`, with what holds them. */
export const Namespaces = kindOf(core("Namespace", "namespaces", false), Namespace)
/** `nodes` */
export const Nodes = kindOf(core("Node", "nodes", false), Described)
/** `secrets`, as they come. */
export const Secrets = kindOf(core("Secret", "secrets"), Described)
/** `configmaps`, as they come. */
export const ConfigMaps = kindOf(core("ConfigMap", "configmaps"), Described)
/** `serviceaccounts` */
export const ServiceAccounts = kindOf(core("ServiceAccount", "serviceaccounts"), Described)

/** The subresource by which a scheduler gives a Pod its node; it can only be created. */
export const bindingOf = (pod: string): ResourceKind => kindOf(core("Binding", `pods/${pod}/binding`), Described)

/** A kind of which nothing but metadata is wanted. */
export const metadataOf = (kind: ServedKind): ResourceKind => ({ ...kindOf(kind, Described), metadataOnly: true })

/** What names an object in a call. */
export const referenceOf = ({ name, namespace }: Pick<ObjectMeta, "name" | "namespace">): ObjectReference => ({
  name,
  namespace: namespace ?? undefined
})

/** The owner that manages an object, undefined when none does. */
export const controllerOf = (metadata: ObjectMeta): OwnerReference | undefined =>
  metadata.ownerReferences?.find((owner) => owner.controller === true)

/** The reference by which an object names the owner that manages it. */
export const controlledBy = (kind: ResourceKind, owner: ObjectMeta): OwnerReference => ({
  apiVersion: apiVersionOf(kind),
  kind: kind.kind,
  name: owner.name,
  uid: owner.uid ?? "",
  controller: true,
  blockOwnerDeletion: true
})

/** Whether labels satisfy a selector; an empty selector selects nothing. */
export const isSelected = (metadata: ObjectMeta, selector: typeof Selector.Type): boolean => {
  const required = Object.entries(selector.matchLabels)
  return required.length > 0 && required.every(([label, value]) => metadata.labels?.[label] === value)
}
