import { ObjectMeta, optional } from "./ObjectMeta.mjs";
import { Schema } from "effect";
// src/fission/Lease.ts
/** `leases.coordination.k8s.io/v1`: who leads, and for how long after its latest renewal (seconds). */
const Lease = Schema.Struct({
	metadata: ObjectMeta,
	spec: optional(Schema.Struct({
		holderIdentity: optional(Schema.String),
		leaseDurationSeconds: optional(Schema.Int),
		acquireTime: optional(Schema.String),
		renewTime: optional(Schema.String),
		leaseTransitions: optional(Schema.Int)
	}))
}).annotate({ identifier: "Lease" });
/** Where the leader can be called, as `ip:port`: stand-bys forward to it (configuration-and-deployment.md D13). */
const executorAddress = "fission.io/executor-address";
export { Lease, executorAddress };
