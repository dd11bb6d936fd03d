import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Cause, Context, Effect, FiberMap, Layer, Option, Schedule } from "effect"
import { isDeleting } from "../fission/Workloads.ts"
import type { KubernetesDeletion } from "../kubernetes/KubernetesApi.ts"
import type { KubernetesApi } from "../kubernetes/KubernetesApi.ts"
import * as EventRecorder from "./EventRecorder.ts"
import * as Informer from "./Informer.ts"
import * as Addresses from "./kubelet/Addresses.ts"
import { type Capacity, plenty } from "./kubelet/Capacity.ts"
import { registerNode } from "./kubelet/Node.ts"
import { type KubeletPod, KubeletPods } from "./kubelet/PodObject.ts"
import * as PodWorker from "./kubelet/PodWorker.ts"
import { type Program, programs } from "./kubelet/Programs.ts"
import * as Scheduler from "./kubelet/Scheduler.ts"
import type { PodLogs } from "./PodLogs.ts"

/** The node, and what it can run. */
export interface KubeletOptions {
  /** Handed to the programs in the pods. */
  readonly apiServer: PodWorker.ApiServerAddress
  /** Default `embedded`. */
  readonly nodeName?: string
  /** What the node has for pods; a pod that requests more than is left stays unscheduled. Default more than enough. */
  readonly capacity?: Partial<Capacity>
  /** Directory for the files of pods; default a temporary one that goes away with the kubelet. */
  readonly podRoot?: string
  /** The OCI image layout with the images that pods mount, and that fetchers pull; default none. */
  readonly imageLayout?: string | undefined
  /** What images stand for; default Fission's fetcher and Node.js environment. */
  readonly programs?: ReadonlyArray<Program>
}

/**
 * The only node of the embedded cluster, and its scheduler: binds pods to itself and runs each container as a process
 * on the pod's own loopback address. An ordinary client of any API server. Closing the layer kills every process and
 * waits for its end; the objects stay.
 */
export class Kubelet extends Context.Service<
  Kubelet,
  {
    readonly nodeName: string
    /** The pods that run here now. */
    readonly pods: () => ReadonlyArray<PodWorker.PodWorker>
  }
>()("fission-executor/devcluster/Kubelet") {
  static readonly layer = (
    options: KubeletOptions
  ): Layer.Layer<Kubelet, never, KubernetesApi | KubernetesDeletion | PodLogs> =>
    Layer.effect(
      Kubelet,
      Effect.gen(function* () {
        const nodeName = options.nodeName ?? "embedded"
        const capacity = { ...plenty, ...options.capacity }
        const podRoot = options.podRoot ?? (yield* temporaryDirectory)
        const nextAddress = Addresses.make()
        const informer = yield* Informer.make({ kind: KubeletPods })
        const workers = new Map<string, PodWorker.PodWorker>()
        const fibers = yield* FiberMap.make<string>()
        const fork = yield* FiberMap.runtime(fibers)<KubernetesApi | KubernetesDeletion | PodLogs>()

        const record = yield* EventRecorder.make("kubelet")
        yield* Scheduler.run({ nodeName, capacity, pods: informer })

        const work = (pod: KubeletPod, uid: string) =>
          Effect.gen(function* () {
            const address = yield* nextAddress
            const worker = yield* PodWorker.make({
              pod,
              address,
              nodeName,
              podRoot,
              programs: options.programs ?? programs,
              apiServer: options.apiServer,
              imageLayout: options.imageLayout,
              record
            })
            workers.set(uid, worker)
            const graceSeconds = graceOf(informer.store.get(pod.metadata.namespace ?? "", pod.metadata.name))
            if (graceSeconds !== undefined) worker.beginDeletion(graceSeconds)
            yield* worker.run
          }).pipe(
            Effect.ensuring(Effect.sync(() => workers.delete(uid))),
            Effect.catchDefect((defect) => Effect.logError("pod ended in a bug", Cause.die(defect))),
            Effect.annotateLogs({ namespace: pod.metadata.namespace, pod: pod.metadata.name })
          )

        informer.subscribe(({ object, type }) => {
          const { metadata, spec } = object
          const uid = metadata.uid ?? ""
          if (type === "Delete") return Option.getOrUndefined(FiberMap.getUnsafe(fibers, uid))?.interruptUnsafe()
          if (spec.nodeName !== nodeName) return
          const graceSeconds = graceOf(object)
          const known = workers.get(uid)
          if (known !== undefined && graceSeconds !== undefined) return known.beginDeletion(graceSeconds)
          if (graceSeconds === undefined && Scheduler.hasEnded(object)) return
          fork(uid, work(object, uid), { onlyIfMissing: true })
        })

        const untilRegistered = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("10 seconds")])
        yield* Effect.forkScoped(Effect.retry(registerNode(nodeName, capacity), untilRegistered))
        return Kubelet.of({ nodeName, pods: () => [...workers.values()] })
      })
    )
}

const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "fission-pods-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

/** The grace period of a pod that is being deleted, undefined when it is not. */
const graceOf = (pod: KubeletPod | undefined): number | undefined =>
  pod !== undefined && isDeleting(pod.metadata) ? (pod.metadata.deletionGracePeriodSeconds ?? 0) : undefined
