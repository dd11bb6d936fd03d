import { Context, Effect, Layer, Stream } from "effect"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"

/** The methods that a test expects to be called, as they shall answer. */
export type ExpectedMethods = Partial<KubernetesApi["Service"] & KubernetesDeletion["Service"]>

const unexpected = (method: string, what: string) =>
  new Error(`the test did not expect the call "${method} ${what}"; give the fake a method "${method}"`)

/** Both doors to the Kubernetes API out of these methods alone; any other call dies and names itself. */
export const layer = (methods: ExpectedMethods): Layer.Layer<KubernetesApi | KubernetesDeletion> =>
  Layer.succeedContext(
    Context.make(KubernetesApi, {
      get: (kind, { name }) => Effect.die(unexpected("get", `${kind.plural}/${name}`)),
      list: (kind) => Effect.die(unexpected("list", kind.plural)),
      watch: (kind) => Stream.die(unexpected("watch", kind.plural)),
      create: (kind, { metadata }) => Effect.die(unexpected("create", `${kind.plural}/${metadata.name}`)),
      update: (kind, { metadata }) => Effect.die(unexpected("update", `${kind.plural}/${metadata.name}`)),
      serverVersion: Effect.die(unexpected("serverVersion", "")),
      patch: (kind, { name }) => Effect.die(unexpected("patch", `${kind.plural}/${name}`)),
      ...methods
    }).pipe(
      Context.add(KubernetesDeletion, {
        delete: methods.delete ?? ((kind, { name }) => Effect.die(unexpected("delete", `${kind.plural}/${name}`)))
      })
    )
  )
