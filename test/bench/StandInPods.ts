import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { Clock, Context, Effect, Layer, Scope } from "effect"
import { Pods } from "../../src/fission/ResourceKind.ts"
import { isDeleting } from "../../src/fission/Workloads.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import * as Reflector from "../../src/kubernetes/Reflector.ts"

/** Time from the creation of a pod until it is Ready: that of the pods which the budgets were measured with. */
const startsIn = "200 millis"
/** Second byte of the pods' addresses: another one for each process, so that two can run on one machine. */
const network = 100 + (process.pid % 100)
/** Time that a fetcher takes to load a function. */
const loadsInMillis = 2

/** When a request to load a function came in, and when it was answered: monotonic milliseconds. */
export interface Load {
  readonly arrivedAt: number
  readonly answeredAt: number
}

/**
 * A kubelet whose pods are nothing but addresses, each with a fetcher that has loaded whatever it is asked to after 2 ms.
 * So what is measured is the executor, not the start of processes. No pod listens on more than its own address: one on
 * all of them would take port 8000 from the pods of every other cluster on the machine.
 */
export class StandInPods extends Context.Service<
  StandInPods,
  {
    /** The load that was answered last. */
    readonly lastLoad: () => Load | undefined
  }
>()("fission-executor/test/bench/StandInPods") {}

/** Pods on the cluster that the API belongs to. */
export const layer: Layer.Layer<StandInPods, never, KubernetesApi | KubernetesDeletion> = Layer.effect(
  StandInPods,
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const deletion = yield* KubernetesDeletion
    const clock = yield* Clock.Clock
    const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
    let lastLoad: Load | undefined
    const scope = yield* Effect.scope

    const load = (request: IncomingMessage, response: ServerResponse) => {
      const arrivedAt = now()
      const answer = () => {
        lastLoad = { arrivedAt, answeredAt: now() }
        response.end()
      }
      request.resume().once("end", () => setTimeout(answer, loadsInMillis))
    }
    const fetcherOn = (address: string) =>
      Effect.acquireRelease(
        Effect.callback<Server>((resume) => {
          const server = createServer({ keepAliveTimeout: 120_000 }, load)
          server.listen(8000, address, () => resume(Effect.succeed(server)))
        }),
        (server) =>
          Effect.sync(() => {
            server.close()
            server.closeAllConnections()
          })
      ).pipe(Scope.provide(scope))

    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const started = new Set<string>()
    let next = 0

    const start = (namespace: string, name: string) => {
      const address = `127.${network + (++next >> 16)}.${(next >> 8) % 256}.${next % 256}`
      const containerStatuses = ["runtime", "fetcher"].map((container) => ({ name: container, ready: true }))
      const conditions = [{ type: "Ready", status: "True" }]
      const status = { phase: "Running", podIP: address, conditions, containerStatuses }
      return Effect.andThen(
        Effect.all([fetcherOn(address), Effect.sleep(startsIn)], { concurrency: "unbounded" }),
        api.patch(Pods, { namespace, name }, { type: "merge", subresource: "status", body: { status } })
      )
    }
    const pods = yield* Reflector.make({
      kind: Pods,
      onStatus: () => Effect.void,
      onChange: ({ object: { metadata }, type }) => {
        const { name, namespace, uid } = { ...metadata, namespace: metadata.namespace ?? "", uid: metadata.uid ?? "" }
        if (type === "Delete") return
        if (isDeleting(metadata)) {
          fork(Effect.ignore(deletion.delete(Pods, { namespace, name }, { uid, gracePeriodSeconds: 0 })))
        } else if (!started.has(uid)) {
          started.add(uid)
          fork(Effect.ignore(start(namespace, name)))
        }
      }
    })
    yield* Effect.forkScoped(pods.run)
    return StandInPods.of({ lastLoad: () => lastLoad })
  })
)
