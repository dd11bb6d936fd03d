import { ObjectMeta, optional } from "./ObjectMeta.mjs";
import { Schema } from "effect";
// src/fission/Environment.ts
const Json = Schema.Record(Schema.String, Schema.Unknown);
/**
* A Fission Environment (resources.md section 4). `container`, `podspec` and `resources` stay raw JSON: they are
* merged into pod templates field by field and handed on whole.
*/
const Environment = Schema.Struct({
	metadata: ObjectMeta,
	spec: Schema.Struct({
		version: Schema.Int,
		runtime: Schema.Struct({
			image: optional(Schema.String),
			container: optional(Json),
			podspec: optional(Json)
		}),
		allowedFunctionsPerContainer: optional(Schema.String),
		allowAccessToExternalNetwork: optional(Schema.Boolean),
		resources: optional(Json),
		poolsize: optional(Schema.Int),
		terminationGracePeriod: optional(Schema.Int),
		keeparchive: optional(Schema.Boolean),
		imagepullsecret: optional(Schema.String)
	})
}).annotate({ identifier: "Environment" });
/** Seconds a pod may take to stop: unset is 90, an explicit 0 is honoured (poolmgr.md section 6.3). */
const gracePeriodSeconds = (environment) => environment.spec.terminationGracePeriod ?? 90;
/** Whether one shared pod serves every function of the Environment (poolmgr.md section 19). */
const isInfinite = (environment) => environment.spec.allowedFunctionsPerContainer === "infinite";
/**
* Warm pods to keep: `infinite` 1, version 3 and later `spec.poolsize`, earlier versions 3 whatever the field says
* (poolmgr.md section 4.3).
*/
const poolSize = (environment) => {
	if (isInfinite(environment)) return 1;
	return environment.spec.version >= 3 ? Math.max(0, environment.spec.poolsize ?? 0) : 3;
};
/**
* Pods to hold ready outside the pool, of those that are wished for: at most half as many as the pool has, so none for
* a pool of one, and none for a pod that functions share (poolmgr.md section 22.2).
*/
const reserveSize = (environment, wished) => Math.min(wished, Math.floor(poolSize(environment) / 2));
export { Environment, gracePeriodSeconds, isInfinite, poolSize, reserveSize };
