import { Clock, Duration, Effect, Layer } from "effect"
import { isDeleting } from "../../fission/Workloads.ts"
import { KubernetesApi, KubernetesDeletion, type KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import {
  controlledBy,
  controllerOf,
  isSelected,
  referenceOf,
  type ReplicaSet,
  ReplicaSets,
  type WorkloadPod,
  WorkloadPods
} from "../Kinds.ts"
import * as EventRecorder from "../EventRecorder.ts"
import { jsonIn, textsIn } from "../StoredObject.ts"
import * as WorkQueue from "../WorkQueue.ts"
import { ClusterView } from "./ClusterView.ts"
import { deletionOrder, isActive, isPodReady, secondsToAvailable } from "./PodRank.ts"
import { writeStatus } from "./StatusWrite.ts"

const podsAtOnce = 4

/**
 * Keeps as many pods as each ReplicaSet asks for. A pod whose labels no longer match is released and replaced, one
 * without a controller whose labels match is adopted.
 */
export const ReplicaSetControllerLayer: Layer.Layer<never, never, ClusterView | KubernetesApi | KubernetesDeletion> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      const { pods, replicaSets } = yield* ClusterView
      const record = yield* EventRecorder.make("replicaset-controller")

      const happened = (owner: ReplicaSet, happening: EventRecorder.Happening) =>
        record({ kind: ReplicaSets, metadata: owner.metadata }, happening)

      /** Removes our reference from a pod that we no longer manage. */
      const release = (owner: ReplicaSet, { metadata }: WorkloadPod) =>
        api
          .patch(WorkloadPods, referenceOf(metadata), {
            type: "strategic",
            body: {
              metadata: { uid: metadata.uid, ownerReferences: [{ $patch: "delete", uid: owner.metadata.uid }] }
            }
          })
          .pipe(Effect.catchTag("KubernetesNotFound", () => Effect.void))

      const adopt = (owner: ReplicaSet, { metadata }: WorkloadPod) =>
        api.patch(WorkloadPods, referenceOf(metadata), {
          type: "strategic",
          body: { metadata: { uid: metadata.uid, ownerReferences: [controlledBy(ReplicaSets, owner.metadata)] } }
        })

      /** The pods that count, after releasing and adopting. */
      const claim = Effect.fnUntraced(function* (owner: ReplicaSet) {
        const counted: Array<WorkloadPod> = []
        for (const pod of pods.store.values(owner.metadata.namespace ?? "")) {
          const matches = isSelected(pod.metadata, owner.spec.selector)
          const controller = controllerOf(pod.metadata)
          if (controller?.uid === owner.metadata.uid) {
            if (matches) counted.push(pod)
            else if (!isDeleting(owner.metadata)) yield* release(owner, pod)
          } else if (controller === undefined && matches && !isDeleting(pod.metadata) && !isDeleting(owner.metadata)) {
            yield* adopt(owner, pod)
            counted.push(pod)
          }
        }
        return counted
      })

      const create = Effect.fnUntraced(function* (owner: ReplicaSet, count: number) {
        const pod = podOf(owner)
        const createOne = api.create(WorkloadPods, pod).pipe(
          Effect.tap(({ metadata }) =>
            happened(owner, { type: "Normal", reason: "SuccessfulCreate", message: `Created pod: ${metadata.name}` })
          ),
          Effect.tapError(({ message }) =>
            happened(owner, { type: "Warning", reason: "FailedCreate", message: `Error creating: ${message}` })
          )
        )
        const created = yield* Effect.forEach(Array.from({ length: count }), () => createOne, {
          concurrency: podsAtOnce
        })
        yield* Effect.forEach(created, pods.untilAsNewAs, { discard: true })
      })

      const remove = Effect.fnUntraced(function* (owner: ReplicaSet, surplus: ReadonlyArray<WorkloadPod>) {
        const removeOne = ({ metadata }: WorkloadPod) =>
          deletion.delete(WorkloadPods, referenceOf(metadata), { uid: metadata.uid ?? "" }).pipe(
            Effect.andThen(
              happened(owner, { type: "Normal", reason: "SuccessfulDelete", message: `Deleted pod: ${metadata.name}` })
            ),
            Effect.catchTag(["KubernetesNotFound", "KubernetesConflict"], () => Effect.void)
          )
        yield* Effect.forEach(surplus, removeOne, { concurrency: podsAtOnce, discard: true })
        yield* pods.until((store) =>
          surplus.every(({ metadata }) => {
            const seen = store.get(metadata.namespace ?? "", metadata.name)
            return seen === undefined || seen.metadata.uid !== metadata.uid || isDeleting(seen.metadata)
          })
        )
      })

      /** Returns after how long a pod becomes available that is ready and not available yet. */
      const report = Effect.fnUntraced(function* (owner: ReplicaSet) {
        const active = [...pods.store.values(owner.metadata.namespace ?? "")].filter(
          (pod) =>
            controllerOf(pod.metadata)?.uid === owner.metadata.uid &&
            isSelected(pod.metadata, owner.spec.selector) &&
            isActive(pod)
        )
        const now = yield* Clock.currentTimeMillis
        const waits = active.flatMap((pod) => secondsToAvailable(pod, owner.spec.minReadySeconds ?? 0, now) ?? [])
        const status = {
          replicas: active.length,
          fullyLabeledReplicas: active.length,
          readyReplicas: active.filter(isPodReady).length,
          availableReplicas: waits.filter((wait) => wait === 0).length,
          observedGeneration: owner.metadata.generation ?? 0
        }
        yield* writeStatus(api, ReplicaSets, owner, status)
        const pending = waits.filter((wait) => wait > 0)
        return pending.length === 0 ? undefined : Duration.seconds(Math.min(...pending))
      })

      const reconcile = Effect.fnUntraced(function* (namespace: string, name: string) {
        const owner = replicaSets.store.get(namespace, name)
        if (owner === undefined) return
        const active = (yield* claim(owner)).filter(isActive)
        if (!isDeleting(owner.metadata)) {
          const missing = (owner.spec.replicas ?? 1) - active.length
          if (missing > 0) yield* create(owner, missing)
          if (missing < 0) yield* remove(owner, active.sort(deletionOrder).slice(0, -missing))
        }
        return yield* report(owner)
      })

      const add = yield* WorkQueue.make("replicaset", Effect.all([pods.synced, replicaSets.synced]), reconcile)
      replicaSets.subscribe(({ object }) => add(object.metadata.namespace ?? "", object.metadata.name))
      pods.subscribe((change) => {
        const { metadata } = change.object
        const namespace = metadata.namespace ?? ""
        const previous = change.type === "Upsert" ? change.previous?.metadata : undefined
        for (const seen of previous === undefined ? [metadata] : [metadata, previous]) {
          const controller = controllerOf(seen)
          if (controller?.kind === ReplicaSets.kind) add(namespace, controller.name)
        }
        if (controllerOf(metadata) !== undefined) return
        for (const { metadata: owner, spec } of replicaSets.store.values(namespace)) {
          if (isSelected(metadata, spec.selector)) add(namespace, owner.name)
        }
      })
    })
  )

/** A pod of the template, to be named by the server. */
const podOf = ({ metadata, spec }: ReplicaSet): KubernetesObject => {
  const template = jsonIn(spec.template, "metadata")
  const named = {
    name: "",
    generateName: `${metadata.name}-`,
    namespace: metadata.namespace,
    labels: textsIn(template, "labels"),
    annotations: textsIn(template, "annotations"),
    ownerReferences: [controlledBy(ReplicaSets, metadata)]
  }
  return { metadata: named, spec: spec.template["spec"] }
}
