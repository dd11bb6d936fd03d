import { Context, Effect, Layer } from "effect"
import { type Demand, PoolCache, type PooledPod, type Reservation, type Slot } from "../../caches/PoolCache.ts"
import { Settings } from "../../Config.ts"
import type { FissionError } from "../../Errors.ts"
import { normalizeAddress } from "../../fission/Address.ts"
import { concurrency, type FissionFunction, requestsPerPod, retainPods } from "../../fission/Function.ts"
import { referenceText } from "../../fission/ReferencedObjects.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import type { Admission, Miss, ServiceAddress, Tap } from "../ExecutorType.ts"
import { viewOf } from "../FunctionView.ts"
import { ColdStart } from "./ColdStart.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { PodLifecycle } from "./PodLifecycle.ts"
import { referenceVersions } from "./References.ts"

/** What the router asks of poolmgr, answered from the cache or by a cold start. */
export class Requests extends Context.Service<
  Requests,
  {
    /** As `ExecutorType.admit`. A `onceOnly` function gets a pod of its own for every request (poolmgr.md section 19). */
    readonly admit: (fn: FissionFunction) => Effect.Effect<Admission, FissionError>
    /** As `ExecutorType.ensureCapacity`. */
    readonly ensureCapacity: (fn: FissionFunction) => Effect.Effect<Miss, FissionError>
    /** As `ExecutorType.unTap`. The pod of a `onceOnly` function goes away with its request (W34). */
    readonly unTap: (tap: Tap) => void
    /** Forgets a function that is gone. */
    readonly forget: (functionUid: string) => void
  }
>()("fission-executor/executors/poolmgr/Requests") {
  static readonly layer: Layer.Layer<Requests, never, PoolCache | ColdStart | PodLifecycle | Supervisor | Settings> =
    Layer.effect(
      Requests,
      Effect.gen(function* () {
        const cache = yield* PoolCache
        const coldStart = yield* ColdStart
        const lifecycle = yield* PodLifecycle
        const supervisor = yield* Supervisor
        const settings = yield* Settings
        /** UIDs of functions whose pods in the view have been offered to the cache before their first request. */
        const offered = new Set<string>()
        /** Pods that serve one request only, by address. */
        const onceOnly = new Map<string, PooledPod>()

        /** A first request must find the pods of an earlier process even before the queue has come to them. */
        const offerPods = (view: NamespaceView, functionUid: string) => {
          if (offered.has(functionUid) || !view.pods.isSynced() || !view.environments.isSynced()) return
          offered.add(functionUid)
          for (const pod of view.pods.indexed("functionUid", functionUid)) lifecycle.adopt(view, pod)
        }

        /** The only request of a `onceOnly` pod has ended, or its caller left before it began. */
        const retire = (address: string) => {
          const pod = onceOnly.get(address)
          if (pod === undefined) return
          onceOnly.delete(address)
          if (cache.remove(pod.uid)) lifecycle.retire(pod)
        }

        const addressOf = (slot: Slot): ServiceAddress => ({
          address: slot.pod.address,
          release: Effect.sync(() => {
            slot.release()
            retire(slot.pod.address)
          })
        })

        /** The duty of a miss. Whatever becomes of the caller, reservation and slot are settled by `abandon`. */
        const missOf = (view: NamespaceView, fn: FissionFunction, reservation: Reservation): Miss => {
          let slot: Slot | undefined
          const kept: Reservation = {
            fulfil: (pod) => {
              if (fn.spec.onceOnly === true && !pod.shared) onceOnly.set(pod.address, pod)
              return (slot = reservation.fulfil(pod))
            },
            abandon: (answer) => reservation.abandon(answer)
          }
          return {
            _tag: "Miss",
            create: (correlationId) =>
              Effect.map(coldStart.run({ view, fn, reservation: kept, correlationId }), addressOf),
            abandon: () => {
              reservation.abandon()
              slot?.release()
              if (slot !== undefined) retire(slot.pod.address)
            }
          }
        }

        const hitOf = (view: NamespaceView, slot: Slot): Admission => ({
          _tag: "Hit",
          service: addressOf(slot),
          isValid: () => FunctionPod.isServing(view, slot.pod),
          evict: () => void cache.remove(slot.pod.uid)
        })

        const reserve = Effect.fnUntraced(function* (fn: FissionFunction, maxPending: number) {
          const view = yield* viewOf(supervisor, fn)
          return missOf(view, fn, yield* cache.reserve(demandOf(view, fn), maxPending))
        })

        const admit = Effect.fnUntraced(function* (fn: FissionFunction) {
          if (fn.spec.onceOnly === true) return yield* reserve(fn, 0)
          const view = yield* viewOf(supervisor, fn)
          offerPods(view, fn.metadata.uid ?? "")
          const admission = yield* cache.admit(demandOf(view, fn))
          if (admission._tag === "Miss") return missOf(view, fn, admission.reservation)
          return hitOf(view, admission.slot)
        })

        return Requests.of({
          admit,
          ensureCapacity: (fn) => reserve(fn, settings.maxPendingSpecializations),
          unTap: ({ address, metadata }) => {
            cache.unTap({ uid: metadata.uid ?? "", generation: metadata.generation ?? 0 }, address)
            retire(normalizeAddress(address))
          },
          forget: (functionUid) => {
            offered.delete(functionUid)
            for (const [address, pod] of onceOnly) if (pod.fn.uid === functionUid) onceOnly.delete(address)
          }
        })
      })
    )
}

/** What a request for the function, or a pod made ahead of one, asks of the cache. */
export const demandOf = (view: NamespaceView, fn: FissionFunction): Demand => ({
  fn: {
    uid: fn.metadata.uid ?? "",
    generation: fn.metadata.generation ?? 0,
    name: fn.metadata.name,
    namespace: fn.metadata.namespace ?? ""
  },
  requestsPerPod: requestsPerPod(fn),
  concurrency: concurrency(fn),
  retainPods: retainPods(fn),
  inputs: inputsOf(view, fn)
})

/** Versions of everything that decides whether a function loads: a change of any makes it worth another try. */
const inputsOf = (view: NamespaceView, fn: FissionFunction): string => {
  const pkg = view.packages.get(view.namespace, fn.spec.package?.packageref?.name ?? "")
  const environment = view.environments.get(view.namespace, fn.spec.environment?.name ?? "")
  const references = referenceText(referenceVersions(view, fn) ?? new Map())
  return `${pkg?.metadata.resourceVersion ?? ""}/${environment?.metadata.resourceVersion ?? ""}/${references}`
}
