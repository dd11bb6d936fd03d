import { ObjectMeta, StringMap, optional } from "../fission/ObjectMeta.mjs";
import { apiVersionOf } from "../fission/ResourceKind.mjs";
import { Schema } from "effect";
// src/devcluster/Kinds.ts
const kindOf = (location, schema) => ({
	...location,
	metadataOnly: false,
	decode: Schema.decodeUnknownResult(schema)
});
const core = (kind, plural, namespaced = true) => ({
	group: "",
	version: "v1",
	kind,
	plural,
	namespaced
});
const apps = (kind, plural) => ({
	group: "apps",
	version: "v1",
	kind,
	plural,
	namespaced: true
});
const PodCondition = Schema.Struct({
	type: Schema.String,
	status: Schema.String,
	lastTransitionTime: optional(Schema.String)
});
/** A condition of a Deployment or ReplicaSet. */
const WorkloadCondition = Schema.Struct({
	type: Schema.String,
	status: Schema.String,
	reason: optional(Schema.String),
	message: optional(Schema.String),
	lastUpdateTime: optional(Schema.String),
	lastTransitionTime: optional(Schema.String)
});
const NamedPort = Schema.Struct({
	name: optional(Schema.String),
	containerPort: Schema.Int
});
/** A Pod as its controllers see it. */
const WorkloadPod = Schema.Struct({
	metadata: ObjectMeta,
	spec: optional(Schema.Struct({
		nodeName: optional(Schema.String),
		containers: optional(Schema.Array(Schema.Struct({ ports: optional(Schema.Array(NamedPort)) })))
	})),
	status: optional(Schema.Struct({
		phase: optional(Schema.String),
		podIP: optional(Schema.String),
		conditions: optional(Schema.Array(PodCondition))
	}))
});
const Selector = Schema.Struct({ matchLabels: StringMap });
const Template = Schema.Record(Schema.String, Schema.Unknown);
/** A ReplicaSet; the template is kept as it came. */
const ReplicaSet = Schema.Struct({
	metadata: ObjectMeta,
	spec: Schema.Struct({
		replicas: optional(Schema.Int),
		minReadySeconds: optional(Schema.Int),
		selector: Selector,
		template: Template
	}),
	status: optional(Schema.Struct({
		replicas: optional(Schema.Int),
		fullyLabeledReplicas: optional(Schema.Int),
		readyReplicas: optional(Schema.Int),
		availableReplicas: optional(Schema.Int),
		observedGeneration: optional(Schema.Int),
		conditions: optional(Schema.Array(WorkloadCondition))
	}))
});
const Amount = Schema.Union([Schema.Int, Schema.String]);
/** A Deployment; the template is kept as it came. */
const Deployment = Schema.Struct({
	metadata: ObjectMeta,
	spec: Schema.Struct({
		replicas: optional(Schema.Int),
		selector: Selector,
		template: Template,
		minReadySeconds: optional(Schema.Int),
		progressDeadlineSeconds: optional(Schema.Int),
		revisionHistoryLimit: optional(Schema.Int),
		strategy: optional(Schema.Struct({
			type: optional(Schema.String),
			rollingUpdate: optional(Schema.Struct({
				maxSurge: optional(Amount),
				maxUnavailable: optional(Amount)
			}))
		}))
	}),
	status: optional(Schema.Struct({
		replicas: optional(Schema.Int),
		updatedReplicas: optional(Schema.Int),
		readyReplicas: optional(Schema.Int),
		availableReplicas: optional(Schema.Int),
		unavailableReplicas: optional(Schema.Int),
		observedGeneration: optional(Schema.Int),
		conditions: optional(Schema.Array(WorkloadCondition))
	}))
});
/** A Service as the controller of its endpoints sees it. */
const Service = Schema.Struct({
	metadata: ObjectMeta,
	spec: optional(Schema.Struct({
		clusterIP: optional(Schema.String),
		selector: optional(StringMap),
		publishNotReadyAddresses: optional(Schema.Boolean),
		ports: optional(Schema.Array(Schema.Struct({
			name: optional(Schema.String),
			protocol: optional(Schema.String),
			appProtocol: optional(Schema.String),
			port: Schema.Int,
			targetPort: optional(Amount)
		})))
	}))
});
/** An EndpointSlice; endpoints and ports are kept as they came. */
const EndpointSlice = Schema.Struct({
	metadata: ObjectMeta,
	endpoints: optional(Schema.Array(Schema.Unknown)),
	ports: optional(Schema.Array(Schema.Unknown))
});
const Described = Schema.Struct({ metadata: ObjectMeta });
const Namespace = Schema.Struct({
	metadata: ObjectMeta,
	spec: optional(Schema.Struct({ finalizers: optional(Schema.Array(Schema.String)) }))
});
/** `pods`, for controllers. */
const WorkloadPods = kindOf(core("Pod", "pods"), WorkloadPod);
/** `replicasets.apps/v1` */
const ReplicaSets = kindOf(apps("ReplicaSet", "replicasets"), ReplicaSet);
/** `deployments.apps/v1`, with all that a rollout depends on. */
const Deployments = kindOf(apps("Deployment", "deployments"), Deployment);
/** `services`, with what their endpoints depend on. */
const Services = kindOf(core("Service", "services"), Service);
/** `endpointslices.discovery.k8s.io/v1` */
const EndpointSlices = kindOf({
	group: "discovery.k8s.io",
	version: "v1",
	kind: "EndpointSlice",
	plural: "endpointslices",
	namespaced: true
}, EndpointSlice);
/** `events` of the core group */
const Events = kindOf(core("Event", "events"), Described);
/** `namespaces`, with what holds them. */
const Namespaces = kindOf(core("Namespace", "namespaces", false), Namespace);
/** `nodes` */
const Nodes = kindOf(core("Node", "nodes", false), Described);
/** `secrets`, as they come. */
const Secrets = kindOf(core("Secret", "secrets"), Described);
/** `configmaps`, as they come. */
const ConfigMaps = kindOf(core("ConfigMap", "configmaps"), Described);
/** `serviceaccounts` */
const ServiceAccounts = kindOf(core("ServiceAccount", "serviceaccounts"), Described);
/** The subresource by which a scheduler gives a Pod its node; it can only be created. */
const bindingOf = (pod) => kindOf(core("Binding", `pods/${pod}/binding`), Described);
/** A kind of which nothing but metadata is wanted. */
const metadataOf = (kind) => ({
	...kindOf(kind, Described),
	metadataOnly: true
});
/** What names an object in a call. */
const referenceOf = ({ name, namespace }) => ({
	name,
	namespace: namespace ?? void 0
});
/** The owner that manages an object, undefined when none does. */
const controllerOf = (metadata) => metadata.ownerReferences?.find((owner) => owner.controller === true);
/** The reference by which an object names the owner that manages it. */
const controlledBy = (kind, owner) => ({
	apiVersion: apiVersionOf(kind),
	kind: kind.kind,
	name: owner.name,
	uid: owner.uid ?? "",
	controller: true,
	blockOwnerDeletion: true
});
/** Whether labels satisfy a selector; an empty selector selects nothing. */
const isSelected = (metadata, selector) => {
	const required = Object.entries(selector.matchLabels);
	return required.length > 0 && required.every(([label, value]) => metadata.labels?.[label] === value);
};
export { ConfigMaps, Deployment, Deployments, EndpointSlices, Events, Namespaces, Nodes, ReplicaSet, ReplicaSets, Secrets, Service, ServiceAccounts, Services, WorkloadCondition, WorkloadPod, WorkloadPods, bindingOf, controlledBy, controllerOf, isSelected, metadataOf, referenceOf };
