import { Effect } from "effect"
import { ConfigMaps } from "../../src/devcluster/Kinds.ts"
import type { ResourceKind } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion, type ListOptions } from "../../src/kubernetes/KubernetesApi.ts"

/** Makes a ConfigMap. */
export const create = (namespace: string, name: string, labels: { readonly [label: string]: string } = {}) =>
  KubernetesApi.use((api) => api.create(ConfigMaps, { metadata: { namespace, name, labels } }))

/** Changes its labels; `null` takes one away. */
export const relabel = (namespace: string, name: string, labels: { readonly [label: string]: string | null }) =>
  KubernetesApi.use((api) =>
    api.patch(ConfigMaps, { namespace, name }, { type: "merge", body: { metadata: { labels } } })
  )

/** Deletes it. */
export const remove = (namespace: string, name: string) =>
  Effect.gen(function* () {
    const { metadata } = yield* KubernetesApi.use((api) => api.get(ConfigMaps, { namespace, name }))
    yield* KubernetesDeletion.use((door) => door.delete(ConfigMaps, { namespace, name }, { uid: metadata.uid ?? "" }))
  })

/** Lists ConfigMaps, or objects of another kind. */
export const list = (options: ListOptions, kind: ResourceKind = ConfigMaps) =>
  KubernetesApi.use((api) => api.list(kind, options))
