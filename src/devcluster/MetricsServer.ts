import { Clock, Duration, Effect, Layer } from "effect"
import type { KubernetesError } from "../Errors.ts"
import { PodMetrics } from "../fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion, type KubernetesObject } from "../kubernetes/KubernetesApi.ts"
import { Kubelet } from "./Kubelet.ts"
import { cpuTime } from "./kubelet/CpuTime.ts"
import type { PodWorker } from "./kubelet/PodWorker.ts"
import { referenceOf, WorkloadPods } from "./Kinds.ts"
import { timestamp } from "./Timestamp.ts"

/** CPU time of a process when it was last looked at; both in milliseconds. */
interface Sample {
  readonly cpu: number
  readonly at: number
}

/**
 * Measures the processes of the pods by the kernel's books and publishes what each container used since the last look, in
 * millicores, as a metrics server does. A pod appears with its second look, and disappears when it is gone. For the
 * embedded API server alone: another one has a metrics server of its own, or none.
 */
export const MetricsServerLayer = (
  every: Duration.Duration = Duration.seconds(15)
): Layer.Layer<never, never, Kubelet | KubernetesApi | KubernetesDeletion> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const kubelet = yield* Kubelet
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      /** By process id. */
      let samples = new Map<number, Sample>()
      /** What was published last, by UID of the pod. */
      const published = new Map<string, string>()

      /** Usage of each container; undefined while one was not looked at twice. */
      const measure = Effect.fnUntraced(function* (worker: PodWorker, seen: Map<number, Sample>) {
        const usages: Array<{ readonly name: string; readonly usage: { readonly cpu: string } } | undefined> = []
        for (const [name, pid] of worker.pids()) {
          const sample = { cpu: yield* Effect.promise(() => cpuTime(pid)), at: yield* monotonicMillis }
          const before = samples.get(pid)
          seen.set(pid, sample)
          usages.push(before === undefined ? undefined : { name, usage: { cpu: millicores(before, sample) } })
        }
        const known = usages.filter((usage) => usage !== undefined)
        return known.length === usages.length && known.length > 0 ? known : undefined
      })

      const publish = Effect.fnUntraced(function* (worker: PodWorker, containers: ReadonlyArray<object>) {
        const reference = referenceOf(worker.pod.metadata)
        const { metadata } = yield* api.get(WorkloadPods, reference)
        const body = { metadata: { ...reference, labels: metadata.labels }, containers }
        const uid = worker.pod.metadata.uid ?? ""
        const text = JSON.stringify(body)
        if (metadata.uid !== uid || published.get(uid) === text) return
        const object = { ...body, timestamp: yield* timestamp, window: `${Duration.toSeconds(every)}s` }
        yield* api
          .create(PodMetrics, object)
          .pipe(
            Effect.catchTag("KubernetesAlreadyExists", () =>
              api.patch(PodMetrics, reference, { type: "merge", body: object })
            )
          )
        published.set(uid, text)
      })

      const withdraw = ({ metadata }: KubernetesObject) =>
        deletion.delete(PodMetrics, referenceOf(metadata), { uid: metadata.uid ?? "" })

      const withdrawGone = Effect.fnUntraced(function* (workers: ReadonlyArray<PodWorker>) {
        const uids = new Set(workers.map(({ pod }) => pod.metadata.uid))
        for (const uid of published.keys()) if (!uids.has(uid)) published.delete(uid)
        const names = new Set(workers.map(({ pod }) => `${pod.metadata.namespace}/${pod.metadata.name}`))
        const { items } = yield* api.list(PodMetrics, {})
        const gone = items.filter(({ metadata }) => !names.has(`${metadata.namespace}/${metadata.name}`))
        yield* Effect.forEach(gone, withdraw, { discard: true })
      })

      const look = Effect.gen(function* () {
        const workers = kubelet.pods()
        const seen = new Map<number, Sample>()
        for (const worker of workers) {
          const containers = yield* measure(worker, seen)
          if (containers !== undefined) yield* tolerantly(publish(worker, containers))
        }
        samples = seen
        yield* tolerantly(withdrawGone(workers))
      })

      yield* Effect.forkScoped(Effect.forever(Effect.andThen(look, Effect.sleep(every))))
    })
  )

const tolerantly = (self: Effect.Effect<void, KubernetesError>) =>
  Effect.catch(self, (error) => Effect.logDebug("metrics of a pod were not published", error.message))

const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

const millicores = (before: Sample, now: Sample): string =>
  `${Math.round((1000 * (now.cpu - before.cpu)) / Math.max(1, now.at - before.at))}m`
