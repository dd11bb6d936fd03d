import { Schema } from "effect"
import { ObjectMeta, optional } from "./ObjectMeta.ts"

/** An Event as the executor reads it: what happened to which object. */
export const PodEvent = Schema.Struct({
  metadata: ObjectMeta,
  reason: optional(Schema.String),
  involvedObject: optional(
    Schema.Struct({ name: optional(Schema.String), namespace: optional(Schema.String), uid: optional(Schema.String) })
  )
}).annotate({ identifier: "Event" })
export type PodEvent = typeof PodEvent.Type

/** What a metrics server measured of one pod; CPU as a quantity of cores. */
export const PodMetrics = Schema.Struct({
  metadata: ObjectMeta,
  containers: optional(Schema.Array(Schema.Struct({ usage: optional(Schema.Record(Schema.String, Schema.Unknown)) })))
}).annotate({ identifier: "PodMetrics" })
export type PodMetrics = typeof PodMetrics.Type
