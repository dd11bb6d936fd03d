import { ObjectMeta, StringMap, optional } from "./ObjectMeta.mjs";
import { Schema } from "effect";
// src/fission/Workloads.ts
/** The part of a container status that tells whether it is up, and if not, why. */
const ContainerStatus = Schema.Struct({
	name: Schema.String,
	ready: Schema.Boolean,
	restartCount: optional(Schema.Int),
	state: optional(Schema.Struct({ waiting: optional(Schema.Struct({
		reason: optional(Schema.String),
		message: optional(Schema.String)
	})) }))
});
/** One condition of a Pod or Deployment: what is not as it should be, and why. */
const Condition = Schema.Struct({
	type: Schema.String,
	status: Schema.String,
	message: optional(Schema.String)
});
const ContainerLimits = Schema.Struct({
	name: Schema.String,
	resources: optional(Schema.Struct({ limits: optional(Schema.Record(Schema.String, Schema.Unknown)) }))
});
/** A Pod as the executor sees it: identity, labels, phase, address, readiness, CPU limits. */
const Pod = Schema.Struct({
	metadata: ObjectMeta,
	spec: optional(Schema.Struct({
		nodeName: optional(Schema.String),
		terminationGracePeriodSeconds: optional(Schema.Finite),
		containers: optional(Schema.Array(ContainerLimits))
	})),
	status: optional(Schema.Struct({
		phase: optional(Schema.String),
		reason: optional(Schema.String),
		message: optional(Schema.String),
		podIP: optional(Schema.String),
		conditions: optional(Schema.Array(Condition)),
		containerStatuses: optional(Schema.Array(ContainerStatus))
	}))
}).annotate({ identifier: "Pod" });
/**
* A Deployment as the executor sees it. The template is kept as it came: it is compared, never edited
* (poolmgr.md section 5).
*/
const Deployment = Schema.Struct({
	metadata: ObjectMeta,
	spec: Schema.Struct({
		replicas: optional(Schema.Int),
		selector: optional(Schema.Struct({ matchLabels: optional(StringMap) })),
		template: optional(Schema.Record(Schema.String, Schema.Unknown))
	}),
	status: optional(Schema.Struct({
		replicas: optional(Schema.Int),
		updatedReplicas: optional(Schema.Int),
		readyReplicas: optional(Schema.Int),
		availableReplicas: optional(Schema.Int),
		observedGeneration: optional(Schema.Int),
		conditions: optional(Schema.Array(Condition))
	}))
}).annotate({ identifier: "Deployment" });
/** A Service as the executor sees it: where it leads. */
const Service = Schema.Struct({
	metadata: ObjectMeta,
	spec: Schema.Struct({
		selector: optional(StringMap),
		ports: optional(Schema.Array(Schema.Struct({
			port: Schema.Int,
			targetPort: optional(Schema.Union([Schema.Int, Schema.String]))
		})))
	})
}).annotate({ identifier: "Service" });
/**
* Ready as poolmgr.md section 7.2 defines it: not being deleted, with an address, at least one container status and
* every container ready.
*/
const isReady = (pod) => {
	const statuses = pod.status?.containerStatuses ?? [];
	return !isDeleting(pod.metadata) && (pod.status?.podIP ?? "") !== "" && statuses.length > 0 && statuses.every((status) => status.ready);
};
/** Terminated as poolmgr.md section 7.2 defines it: a phase that no container runs in any more. */
const isTerminated = (pod) => ![
	"Pending",
	"Running",
	"Unknown"
].includes(pod.status?.phase ?? "");
/** Whether the object carries a deletionTimestamp. */
const isDeleting = (metadata) => (metadata.deletionTimestamp ?? "") !== "";
export { Deployment, Pod, Service, isDeleting, isReady, isTerminated };
