import { Effect, Layer } from "effect"
import type { ResourceKind } from "../../fission/ResourceKind.ts"
import { isDeleting } from "../../fission/Workloads.ts"
import { KubernetesApi, KubernetesDeletion, type KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import { namespaceFinalizer } from "../Defaults.ts"
import * as Informer from "../Informer.ts"
import { ConfigMaps, metadataOf, Namespaces, referenceOf, ServiceAccounts } from "../Kinds.ts"
import { servedKinds } from "../ServedKinds.ts"
import * as WorkQueue from "../WorkQueue.ts"

const contents: ReadonlyArray<ResourceKind> = servedKinds.filter(({ namespaced }) => namespaced).map(metadataOf)

/**
 * Gives each namespace what pods rely on: the ServiceAccount `default` and the ConfigMap `kube-root-ca.crt`, whose
 * certificate is empty because the embedded API server speaks plain HTTP. Empties a namespace that is being deleted.
 */
export const NamespaceControllerLayer: Layer.Layer<never, never, KubernetesApi | KubernetesDeletion> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      const namespaces = yield* Informer.make({ kind: Namespaces })

      const ensure = (kind: ResourceKind, object: KubernetesObject) =>
        api.create(kind, object).pipe(Effect.catchTag("KubernetesAlreadyExists", () => Effect.void))

      /** Deletes a page of each kind; returns how many objects there were. */
      const empty = Effect.fnUntraced(function* (namespace: string) {
        let found = 0
        for (const kind of contents) {
          const { items } = yield* api.list(kind, { namespace, limit: 500 })
          found += items.length
          for (const { metadata } of items) {
            if (isDeleting(metadata)) continue
            yield* deletion
              .delete(kind, referenceOf(metadata), { uid: metadata.uid ?? "" })
              .pipe(Effect.catchTag("KubernetesNotFound", () => Effect.void))
          }
        }
        return found
      })

      const reconcile = Effect.fnUntraced(function* (_: string, name: string) {
        const namespace = namespaces.store.get("", name)
        if (namespace === undefined) return
        if (!isDeleting(namespace.metadata)) {
          yield* ensure(ServiceAccounts, { metadata: { namespace: name, name: "default" } })
          yield* ensure(ConfigMaps, {
            metadata: { namespace: name, name: "kube-root-ca.crt" },
            data: { "ca.crt": "" }
          })
          return
        }
        const finalizers = namespace.spec?.finalizers ?? []
        if (!finalizers.includes(namespaceFinalizer)) return
        if ((yield* empty(name)) > 0) return yield* new WorkQueue.NotYet()
        const { resourceVersion, uid } = namespace.metadata
        const left = finalizers.filter((finalizer) => finalizer !== namespaceFinalizer)
        yield* api.update(
          Namespaces,
          { metadata: { name, uid, resourceVersion }, spec: { finalizers: left } },
          { subresource: "finalize" }
        )
      })

      const add = yield* WorkQueue.make("namespace", namespaces.synced, reconcile)
      namespaces.subscribe(({ object }) => add("", object.metadata.name))
    })
  )
