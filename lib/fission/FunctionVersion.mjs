import { ObjectMeta, optional } from "./ObjectMeta.mjs";
import { Schema } from "effect";
// src/fission/FunctionVersion.ts
/** A published version of a Function: which generation of which UID it froze, and how (resources.md section 6.1). */
const FunctionVersion = Schema.Struct({
	metadata: ObjectMeta,
	spec: Schema.Struct({
		functionName: optional(Schema.String),
		functionUID: Schema.String,
		functionGeneration: Schema.Int,
		snapshot: optional(Schema.Struct({ onceOnly: optional(Schema.Boolean) }))
	})
}).annotate({ identifier: "FunctionVersion" });
/** A name that leads to one version, or to two by weight (resources.md section 6.3). */
const FunctionAlias = Schema.Struct({
	metadata: ObjectMeta,
	spec: Schema.Struct({
		version: optional(Schema.String),
		secondaryVersion: optional(Schema.String)
	}),
	status: optional(Schema.Struct({ resolvedVersion: optional(Schema.String) }))
}).annotate({ identifier: "FunctionAlias" });
export { FunctionAlias, FunctionVersion };
