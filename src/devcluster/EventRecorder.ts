import { Clock, Effect, Queue, Schedule, type Scope } from "effect"
import type { ObjectMeta } from "../fission/ObjectMeta.ts"
import { apiVersionOf, type ResourceKind } from "../fission/ResourceKind.ts"
import { KubernetesApi } from "../kubernetes/KubernetesApi.ts"
import { Events } from "./Kinds.ts"
import { timestampOf } from "./Timestamp.ts"

/** What an Event is about. */
export interface EventSubject {
  readonly kind: Pick<ResourceKind, "group" | "version" | "kind">
  readonly metadata: ObjectMeta
  /** The part of the object that is meant, such as `spec.containers{main}`. */
  readonly fieldPath?: string
}

/** What happened. */
export interface Happening {
  readonly type: "Normal" | "Warning"
  /** One word by which programs know it, such as `Started`. */
  readonly reason: string
  readonly message: string
}

/** Notes that something happened to an object. Returns at once and never fails. */
export type RecordEvent = (subject: EventSubject, happening: Happening) => Effect.Effect<void>

/** Events that wait to be written, and Events that are remembered so that they can be counted. */
const limit = 1000
/** How often an Event is tried; nobody depends on it. */
const attempts = Schedule.exponential("100 millis").pipe(Schedule.upTo({ times: 4 }))

interface Noted {
  readonly subject: EventSubject
  readonly happening: Happening
  readonly millis: number
}

/**
 * Writes Events of one component, one after the other, until the scope closes. The same thing that happens again to the
 * same object raises the count of its Event. While the server takes none, the oldest are lost.
 *
 * @param component who reports, such as `kubelet`
 */
export const make = (component: string): Effect.Effect<RecordEvent, never, KubernetesApi | Scope.Scope> =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const queue = yield* Queue.sliding<Noted>(limit)
    const written = new Map<string, { readonly name: string; readonly count: number }>()
    let latest = 0n

    /** Unique among the Events of an object: the time, and never the same twice. */
    const suffix = Effect.map(Clock.currentTimeNanos, (nanos) => {
      latest = nanos > latest ? nanos : latest + 1n
      return latest.toString(16)
    })

    const remember = (key: string, name: string, count: number) => {
      written.delete(key)
      written.set(key, { name, count })
      const [oldest] = written.keys()
      if (written.size > limit && oldest !== undefined) written.delete(oldest)
    }

    const create = Effect.fnUntraced(function* (key: string, { happening, millis, subject }: Noted) {
      const { fieldPath, kind, metadata } = subject
      const name = `${metadata.name}.${yield* suffix}`
      const time = timestampOf(millis)
      yield* api.create(Events, {
        metadata: { namespace: metadata.namespace ?? "default", name },
        involvedObject: {
          apiVersion: apiVersionOf(kind),
          kind: kind.kind,
          namespace: metadata.namespace,
          name: metadata.name,
          uid: metadata.uid,
          ...(fieldPath === undefined ? {} : { fieldPath })
        },
        ...happening,
        count: 1,
        firstTimestamp: time,
        lastTimestamp: time,
        source: { component },
        reportingComponent: component,
        reportingInstance: ""
      })
      remember(key, name, 1)
    })

    const write = Effect.fnUntraced(function* (noted: Noted) {
      const { happening, millis, subject } = noted
      const { metadata } = subject
      const key = [metadata.uid, subject.fieldPath, happening.type, happening.reason, happening.message].join("\n")
      const known = written.get(key)
      if (known === undefined) return yield* create(key, noted)
      const count = known.count + 1
      yield* api
        .patch(
          Events,
          { namespace: metadata.namespace ?? "default", name: known.name },
          { type: "merge", body: { count, lastTimestamp: timestampOf(millis) } }
        )
        .pipe(
          Effect.andThen(Effect.sync(() => remember(key, known.name, count))),
          Effect.catchTag("KubernetesNotFound", () => create(key, noted))
        )
    })

    const lose = Effect.fnUntraced(function* ({ happening, subject }: Noted, problem: { readonly message: string }) {
      yield* Effect.logDebug("event is lost", { about: subject.metadata.name, ...happening, problem: problem.message })
    })

    yield* Queue.take(queue).pipe(
      Effect.flatMap((noted) =>
        write(noted).pipe(
          Effect.retry({ schedule: attempts, while: ({ _tag }) => _tag === "KubernetesTimeoutError" }),
          Effect.catch((problem) => lose(noted, problem))
        )
      ),
      Effect.forever,
      Effect.forkScoped
    )
    return (subject, happening) =>
      Effect.flatMap(Clock.currentTimeMillis, (millis) => Queue.offer(queue, { subject, happening, millis }))
  })
