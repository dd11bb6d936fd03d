import { Schema } from "effect"
import { InvokeStrategy } from "./Function.ts"
import { ObjectMeta, optional } from "./ObjectMeta.ts"

/** A published version of a Function: which generation of which UID it froze, and how (resources.md section 6.1). */
export const FunctionVersion = Schema.Struct({
  metadata: ObjectMeta,
  spec: Schema.Struct({
    functionName: optional(Schema.String),
    functionUID: Schema.String,
    functionGeneration: Schema.Int,
    /** Of the frozen spec what says when the version is idle, and what becomes of it then. */
    snapshot: optional(
      Schema.Struct({
        InvokeStrategy: optional(InvokeStrategy),
        functionTimeout: optional(Schema.Int),
        idletimeout: optional(Schema.Int),
        onceOnly: optional(Schema.Boolean)
      })
    )
  })
}).annotate({ identifier: "FunctionVersion" })
export type FunctionVersion = typeof FunctionVersion.Type

/** A name that leads to one version, or to two by weight (resources.md section 6.3). */
export const FunctionAlias = Schema.Struct({
  metadata: ObjectMeta,
  spec: Schema.Struct({
    functionName: optional(Schema.String),
    version: optional(Schema.String),
    secondaryVersion: optional(Schema.String)
  }),
  status: optional(Schema.Struct({ resolvedVersion: optional(Schema.String) }))
}).annotate({ identifier: "FunctionAlias" })
export type FunctionAlias = typeof FunctionAlias.Type
