import { Effect, type Scope } from "effect"
import { isDeleting, isTerminated } from "../../fission/Workloads.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import * as EventRecorder from "../EventRecorder.ts"
import type { Informer } from "../Informer.ts"
import { bindingOf, referenceOf } from "../Kinds.ts"
import { timestamp } from "../Timestamp.ts"
import * as WorkQueue from "../WorkQueue.ts"
import { type Capacity, shortagesOf } from "./Capacity.ts"
import { type KubeletPod, KubeletPods } from "./PodObject.ts"

/** The only node that there is, and the view of all pods. */
export interface SchedulerOptions {
  readonly nodeName: string
  readonly capacity: Capacity
  readonly pods: Informer<KubeletPod>
}

/** Whether a Pod has ended and takes nothing of its node any more. */
export const hasEnded = ({ metadata, status }: KubeletPod): boolean =>
  isTerminated({ metadata, status: { phase: status?.phase ?? "Pending" } })

/**
 * Gives pods their node until the scope closes, as long as it has room for what they request. One without room is marked
 * unschedulable, and tried again when another pod leaves.
 */
export const run = (options: SchedulerOptions): Effect.Effect<void, never, KubernetesApi | Scope.Scope> =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const record = yield* EventRecorder.make("default-scheduler")
    const { capacity, nodeName, pods } = options
    /** Pods that were bound and may not be in the view as such, by UID. */
    const assumed = new Map<string, KubeletPod>()

    const onNode = (): ReadonlyArray<KubeletPod> => {
      const seen = [...pods.store.values()].filter((pod) => pod.spec.nodeName === nodeName && !hasEnded(pod))
      return [...seen, ...assumed.values()]
    }

    const refuse = Effect.fnUntraced(function* (pod: KubeletPod, shortages: ReadonlyArray<string>) {
      const { metadata, status } = pod
      const message = `0/1 nodes are available: ${shortages.map((shortage) => `1 ${shortage}`).join(", ")}.`
      yield* record({ kind: KubeletPods, metadata }, { type: "Warning", reason: "FailedScheduling", message })
      const held = status?.conditions?.find(({ type }) => type === "PodScheduled")
      if (held?.status === "False" && held.message === message) return
      const condition = { type: "PodScheduled", status: "False", reason: "Unschedulable", message }
      yield* api.patch(KubeletPods, referenceOf(metadata), {
        type: "strategic",
        subresource: "status",
        body: {
          metadata: { uid: metadata.uid },
          status: { conditions: [{ ...condition, lastTransitionTime: yield* timestamp }] }
        }
      })
    })

    const bind = Effect.fnUntraced(function* (pod: KubeletPod) {
      const { metadata } = pod
      const { name, namespace, uid = "" } = metadata
      assumed.set(uid ?? "", pod)
      yield* api
        .create(bindingOf(name), {
          metadata: { name, namespace, uid },
          target: { apiVersion: "v1", kind: "Node", name: nodeName }
        })
        .pipe(Effect.tapError(() => Effect.sync(() => assumed.delete(uid ?? ""))))
      yield* record(
        { kind: KubeletPods, metadata },
        { type: "Normal", reason: "Scheduled", message: `Successfully assigned ${namespace}/${name} to ${nodeName}` }
      )
    })

    const schedule = Effect.fnUntraced(
      function* (namespace: string, name: string) {
        const pod = pods.store.get(namespace, name)
        if (pod === undefined || pod.spec.nodeName !== undefined || isDeleting(pod.metadata)) return
        const shortages = shortagesOf(capacity, onNode(), pod)
        yield* shortages.length === 0 ? bind(pod) : refuse(pod, shortages)
      },
      Effect.catchTag("KubernetesConflict", () => Effect.void)
    )

    const add = yield* WorkQueue.make("scheduler", pods.synced, schedule)
    const addWaiting = () => {
      for (const { metadata, spec } of pods.store.values()) {
        if (spec.nodeName === undefined) add(metadata.namespace ?? "", metadata.name)
      }
    }
    pods.subscribe(({ object, type }) => {
      const { metadata, spec } = object
      if (spec.nodeName !== undefined || type === "Delete") assumed.delete(metadata.uid ?? "")
      if (type === "Delete" || hasEnded(object)) return addWaiting()
      if (spec.nodeName === undefined) add(metadata.namespace ?? "", metadata.name)
    })
  })
