import { isDeepStrictEqual } from "node:util"
import { Effect } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import type { ObjectMeta } from "../../fission/ObjectMeta.ts"
import type { ResourceKind } from "../../fission/ResourceKind.ts"
import type { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { referenceOf } from "../Kinds.ts"

type Status = { readonly [field: string]: unknown }

/** Writes these fields of an object's status unless it has them. `Conflict` when it is another object by now. */
export const writeStatus = (
  api: KubernetesApi["Service"],
  kind: ResourceKind,
  { metadata, status: held }: { readonly metadata: ObjectMeta; readonly status?: Status | null | undefined },
  wanted: Status
): Effect.Effect<void, KubernetesError> => {
  if (Object.entries(wanted).every(([field, value]) => isDeepStrictEqual(held?.[field] ?? 0, value))) return Effect.void
  return Effect.asVoid(
    api.patch(kind, referenceOf(metadata), {
      type: "merge",
      subresource: "status",
      body: { metadata: { uid: metadata.uid }, status: wanted }
    })
  )
}
