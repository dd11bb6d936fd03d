import { Schema } from "effect"
import { ObjectMeta, optional } from "./ObjectMeta.ts"

/** Where the code is of a Package that is delivered as an OCI image (resources.md section 5). */
export const OciArchive = Schema.Struct({
  image: Schema.String,
  digest: optional(Schema.String),
  subPath: optional(Schema.String),
  imagePullSecrets: optional(Schema.Array(Schema.Struct({ name: optional(Schema.String) })))
})
export type OciArchive = typeof OciArchive.Type

/** A Fission Package, of which the executor reads whether an image holds the code, and never the code itself. */
export const Package = Schema.Struct({
  metadata: ObjectMeta,
  spec: optional(Schema.Struct({ deployment: optional(Schema.Struct({ oci: optional(OciArchive) })) }))
}).annotate({ identifier: "Package" })
export type Package = typeof Package.Type
