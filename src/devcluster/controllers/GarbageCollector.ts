import { Effect, Layer } from "effect"
import type { OwnerReference } from "../../fission/ObjectMeta.ts"
import { apiVersionOf, type Described, type ResourceKind } from "../../fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion } from "../../kubernetes/KubernetesApi.ts"
import * as Informer from "../Informer.ts"
import { metadataOf, referenceOf } from "../Kinds.ts"
import { servedKinds } from "../ServedKinds.ts"
import * as WorkQueue from "../WorkQueue.ts"

/** Kinds whose objects own others, are owned, or both. Events and Leases come and go too often to be watched for it. */
const kinds: ReadonlyArray<ResourceKind> = servedKinds
  .filter(({ kind, namespaced }) => namespaced && kind !== "Event" && kind !== "Lease")
  .map(metadataOf)

/**
 * Deletes objects whose every owner is gone, which is how deleting an owner with Background propagation takes its
 * dependents along; a reference to one of several owners that is gone is removed. An owner counts as gone when the
 * server says so now, and an owner of an unknown kind as present.
 */
export const GarbageCollectorLayer: Layer.Layer<never, never, KubernetesApi | KubernetesDeletion> = Layer.effectDiscard(
  Effect.forEach(kinds, (kind) =>
    Effect.map(Informer.make({ kind, indexes: { owner: ownerUids } }), (informer) => ({ kind, informer }))
  ).pipe(Effect.flatMap((views) => collect(views)))
)

interface View {
  readonly kind: ResourceKind
  readonly informer: Informer.Informer<Described>
}

const ownerUids = ({ metadata }: Described): ReadonlyArray<string> =>
  metadata.ownerReferences?.map((owner) => owner.uid) ?? []

const collect = Effect.fnUntraced(function* (views: ReadonlyArray<View>) {
  const api = yield* KubernetesApi
  const deletion = yield* KubernetesDeletion

  const exists = Effect.fnUntraced(function* (namespace: string, owner: OwnerReference) {
    const view = views.find(({ kind }) => kind.kind === owner.kind && apiVersionOf(kind) === owner.apiVersion)
    if (view === undefined || view.informer.store.get(namespace, owner.name)?.metadata.uid === owner.uid) return true
    return yield* api.get(view.kind, { namespace, name: owner.name }).pipe(
      Effect.map((live) => live.metadata.uid === owner.uid),
      Effect.catchTag("KubernetesNotFound", () => Effect.succeed(false))
    )
  })

  const attend = ({ informer, kind }: View) =>
    Effect.fnUntraced(function* (namespace: string, name: string) {
      const dependent = informer.store.get(namespace, name)
      const owners = dependent?.metadata.ownerReferences ?? []
      if (dependent === undefined || owners.length === 0) return
      const gone = yield* Effect.filter(owners, (owner) => Effect.map(exists(namespace, owner), (found) => !found))
      if (gone.length === 0) return
      const { metadata } = dependent
      const uid = metadata.uid ?? ""
      if (gone.length === owners.length) {
        yield* Effect.logDebug("object whose owners are gone is deleted", { kind: kind.kind, namespace, name })
        yield* deletion.delete(kind, referenceOf(metadata), { uid, propagationPolicy: "Background" })
      } else {
        const left = owners.filter((owner) => !gone.includes(owner))
        yield* api.patch(kind, referenceOf(metadata), {
          type: "merge",
          body: { metadata: { uid, resourceVersion: metadata.resourceVersion, ownerReferences: left } }
        })
      }
    })

  const watched = yield* Effect.forEach(views, (view) =>
    Effect.map(
      WorkQueue.make(`garbage collector of ${view.kind.plural}`, view.informer.synced, attend(view)),
      (add) => ({ ...view, add })
    )
  )
  for (const { add, informer } of watched) {
    informer.subscribe(({ object, type }) => {
      const { metadata } = object
      if (type === "Upsert" && ownerUids(object).length > 0) add(metadata.namespace ?? "", metadata.name)
      if (type === "Upsert") return
      for (const dependents of watched) {
        for (const dependent of dependents.informer.store.indexed("owner", metadata.uid ?? "")) {
          dependents.add(dependent.metadata.namespace ?? "", dependent.metadata.name)
        }
      }
    })
  }
})
