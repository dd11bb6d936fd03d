import { Clock, Context, Duration, Effect, Layer } from "effect"
import { Settings } from "../../Config.ts"
import type { PodEvent } from "../../fission/PodReports.ts"
import type { Pod } from "../../fission/Workloads.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import { isNewerVersion, type StoreReader } from "../../kubernetes/Store.ts"

/** A pod that nobody has used for so long has no web socket, whatever was said of it (C29). */
const believedFor = Duration.hours(1)

/**
 * Which pods hold web sockets, by what their fetchers say in Events (poolmgr.md section 14.3). With internal auth on there
 * are none of these, for a runtime cannot sign, and nothing is watched: the router's taps tell what is used (W23).
 */
export class WebSockets extends Context.Service<
  WebSockets,
  {
    /** A pod of some function is there: its Events are watched from now on. */
    readonly watch: (view: NamespaceView) => void
    /** An Event says that a pod has none any more. One of the first list is old, and ends nothing (B6). */
    readonly ended: (view: NamespaceView, event: PodEvent) => void
    /** Whether the pod, last used so long ago, holds one: it is not idle. */
    readonly isOpen: (view: NamespaceView, pod: Pod, idleFor: Duration.Duration) => boolean
    /** Whether its last one has ended and nothing was asked of it since: it is idle at once. */
    readonly hasEnded: (podUid: string, idleFor: Duration.Duration) => boolean
    /** The pod is gone. */
    readonly forget: (podUid: string) => void
  }
>()("fission-executor/executors/poolmgr/WebSockets") {
  static readonly layer: Layer.Layer<WebSockets, never, Settings> = Layer.effect(
    WebSockets,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const { internalAuth } = yield* Settings
      /** Monotonic nanoseconds, by UID of the pod. */
      const endedAt = new Map<string, bigint>()

      return WebSockets.of({
        watch: (view) => {
          if (internalAuth.secret === undefined) view.wantWebSockets()
        },
        ended: (view, event) => {
          const pod = podOf(view, event)
          if (pod === undefined || !view.webSocketsEnded.isSynced()) return
          endedAt.set(pod.metadata.uid ?? "", clock.monotonicTimeNanosUnsafe())
        },
        isOpen: (view, pod, idleFor) => {
          const opened = newest(view.webSocketsOpened, pod)
          if (opened === undefined || Duration.isGreaterThanOrEqualTo(idleFor, believedFor)) return false
          const ended = newest(view.webSocketsEnded, pod)
          return ended === undefined || isNewerVersion(opened, ended)
        },
        hasEnded: (podUid, idleFor) => {
          const at = endedAt.get(podUid)
          if (at === undefined) return false
          return Duration.isGreaterThanOrEqualTo(idleFor, Duration.nanos(clock.monotonicTimeNanosUnsafe() - at))
        },
        forget: (podUid) => void endedAt.delete(podUid)
      })
    })
  )
}

/** Whether the Event is about this very pod: names come again (C28). */
const isAbout = ({ involvedObject }: PodEvent, { metadata }: Pod): boolean =>
  (involvedObject?.namespace ?? metadata.namespace) === metadata.namespace &&
  (involvedObject?.uid || metadata.uid) === metadata.uid

const podOf = (view: NamespaceView, event: PodEvent): Pod | undefined => {
  const pod = view.pods.get(view.workloadNamespace, event.involvedObject?.name ?? "")
  return pod !== undefined && isAbout(event, pod) ? pod : undefined
}

/** The version of the newest Event about the pod. */
const newest = (events: StoreReader<PodEvent>, pod: Pod): string | undefined =>
  events
    .indexed("pod", pod.metadata.name)
    .filter((event) => isAbout(event, pod))
    .map(({ metadata }) => metadata.resourceVersion ?? "")
    .reduce<string | undefined>(
      (last, version) => (last === undefined || isNewerVersion(version, last) ? version : last),
      undefined
    )
