import { Cause, Clock, Context, DateTime, Duration, Effect, Layer, Queue, Stream } from "effect"
import { mergePatch, strategicMergePatch } from "../../src/devcluster/MergePatch.ts"
import { ResourceStore, type Selection, type StoreEvent } from "../../src/devcluster/ResourceStore.ts"
import { fieldSelector } from "../../src/devcluster/FieldSelector.ts"
import type { ServedKind } from "../../src/devcluster/ServedKinds.ts"
import { labelSelector } from "../../src/devcluster/LabelSelector.ts"
import { scaleOf, withScale } from "../../src/devcluster/Scale.ts"
import * as Status from "../../src/devcluster/Status.ts"
import { seenBy } from "../../src/devcluster/WatchStream.ts"
import { type KubernetesCall, type KubernetesError, TimeoutError } from "../../src/Errors.ts"
import type { ResourceKind } from "../../src/fission/ResourceKind.ts"
import { classifyAnswer, classifyWatchError } from "../../src/kubernetes/Classify.ts"
import { answeredWithin, deadlineOf, handshakeWithin } from "../../src/kubernetes/Deadline.ts"
import {
  type CallOptions,
  KubernetesApi,
  KubernetesDeletion,
  type ListOptions,
  type ListPage,
  type WatchEvent,
  type WatchOptions
} from "../../src/kubernetes/KubernetesApi.ts"
import { type OtherWriter, otherWriter, plain, projected, servedKind } from "./OtherWriter.ts"

/** What shall happen to a call: undefined lets it through, an effect is run first and may fail, sleep or never end. */
export type Interceptor = (call: KubernetesCall) => Effect.Effect<void, KubernetesError> | undefined

/** A call as it reached the API, and when (monotonic milliseconds). */
export interface RecordedCall extends KubernetesCall {
  readonly at: number
}

/** An open watch, to be harmed by a test. */
export interface OpenWatch {
  readonly call: KubernetesCall
  /** The server ends the stream as it should. */
  readonly end: () => void
  /** The stream breaks. */
  readonly fail: (failure: (call: KubernetesCall) => KubernetesError) => void
  /** The stream stays open, but nothing comes any more. */
  readonly mute: () => void
}

/**
 * A Kubernetes API in memory, without sockets: the rules of the embedded cluster's store, deadlines and watches under
 * the Clock, bookmarks once a minute. The controllers of a cluster are missing: a Deployment makes no pods.
 */
export interface KubernetesApiInMemory extends OtherWriter {
  readonly layer: Layer.Layer<KubernetesApi | KubernetesDeletion>
  readonly store: ResourceStore
  /** Every call in order, the intercepted ones too. */
  readonly calls: ReadonlyArray<RecordedCall>
  /** The calls as text, such as `list environments team-a` and `patch pods team-a/pod-1`; all, or those of one verb. */
  readonly lines: (verb?: KubernetesCall["verb"]) => ReadonlyArray<string>
  /** Replaces the interceptor; without one every call goes through. */
  readonly intercept: (interceptor?: Interceptor) => void
  /** The same, between a call's effect and its answer: a failure here leaves a write applied. */
  readonly interceptAnswers: (interceptor?: Interceptor) => void
  /** A lagging replica: lists and gets do as if these objects were not there. Without a condition none are hidden. */
  readonly hide: (isHidden?: (kind: ResourceKind, name: string) => boolean) => void
  /** The open watches, all or of one kind and namespace. */
  readonly watches: (resource?: string, namespace?: string) => ReadonlyArray<OpenWatch>
}

/** What the server says it is. */
const serverVersion = { major: 1, minor: 36 }

/** Time between two bookmarks of a watch. */
const bookmarkEvery = Duration.minutes(1)

const selectionOf = (
  kind: ServedKind,
  options: Pick<ListOptions, "namespace" | "labelSelector" | "fieldSelector">
): Selection => {
  const labels = labelSelector(options.labelSelector ?? "")
  const fields = fieldSelector(options.fieldSelector ?? "", kind)
  return { namespace: options.namespace, matches: (object) => labels(object) && fields(object) }
}

/** Makes an API with these namespaces and nothing else in it. */
export const make = (options?: {
  readonly namespaces?: ReadonlyArray<string>
  readonly intercept?: Interceptor
}): Effect.Effect<KubernetesApiInMemory> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    let made = 0
    const store = new ResourceStore({
      now: () => DateTime.toDateUtc(DateTime.makeUnsafe(clock.currentTimeMillisUnsafe())),
      uid: () => `00000000-0000-4000-8000-${String(++made).padStart(12, "0")}`,
      suffix: () => (++made).toString(36).padStart(5, "0")
    })
    const calls: Array<RecordedCall> = []
    const watches = new Set<OpenWatch>()
    let before = options?.intercept
    let after: Interceptor | undefined
    let isHidden: (kind: ResourceKind, name: string) => boolean = () => false

    const writer = otherWriter(store)
    for (const name of options?.namespaces ?? []) writer.ensureNamespace(name)

    /** What the store does or refuses, as the answer of a server. */
    const attempt = <A>(call: KubernetesCall, run: () => A): Effect.Effect<A, KubernetesError> =>
      Effect.suspend(() => {
        try {
          return Effect.succeed(run())
        } catch (error) {
          if (!(error instanceof Status.StatusError)) throw error
          return Effect.fail(classifyAnswer(call, { status: error.code, headers: {}, body: JSON.stringify(error) }))
        }
      })

    const arrive = (call: KubernetesCall): Effect.Effect<void, KubernetesError> =>
      Effect.suspend(() => {
        calls.push({ ...call, at: now() })
        return before?.(call) ?? Effect.void
      })

    const answer = <A>(call: KubernetesCall, callOptions: CallOptions | undefined, run: () => A) =>
      arrive(call).pipe(
        Effect.andThen(attempt(call, run)),
        Effect.tap(() => after?.(call) ?? Effect.void),
        answeredWithin(call, deadlineOf(call, callOptions))
      )

    const list = (kind: ResourceKind, listOptions: ListOptions): ListPage => {
      const [version, last] = (listOptions.continue ?? "").split("|")
      const limit = listOptions.resourceVersion === "0" ? 0 : (listOptions.limit ?? 0)
      const all = store
        .list(servedKind(kind), selectionOf(servedKind(kind), listOptions))
        .filter(({ metadata }) => !isHidden(kind, metadata.name))
      const idOf = ({ metadata }: (typeof all)[number]) => `${metadata.namespace ?? ""}/${metadata.name}`
      const rest = last === undefined ? all : all.filter((object) => idOf(object) > last)
      const page = limit > 0 ? rest.slice(0, limit) : rest
      const end = page.at(-1)
      const resourceVersion = version === undefined || version === "" ? String(store.version) : version
      const items = page.map((object) => projected(kind, object))
      return {
        resourceVersion,
        continue: end !== undefined && page.length < rest.length ? `${resourceVersion}|${idOf(end)}` : undefined,
        items,
        bytes: Buffer.byteLength(JSON.stringify(items))
      }
    }

    const watch = (kind: ResourceKind, watchOptions: WatchOptions): Stream.Stream<WatchEvent, KubernetesError> => {
      const call: KubernetesCall = { verb: "watch", resource: kind.plural, namespace: watchOptions.namespace }
      const { resourceVersion: from, silence, timeout } = watchOptions
      const events = Effect.gen(function* () {
        yield* answeredWithin(call, handshakeWithin)(arrive(call))
        const served = yield* attempt(call, () => servedKind(kind))
        const selection = yield* attempt(call, () => selectionOf(served, watchOptions))
        const queue = yield* Queue.unbounded<WatchEvent, KubernetesError | Cause.Done>()
        let muted = false
        const offer = (event: WatchEvent) => void (muted || Queue.offerUnsafe(queue, event))
        const tell = (event: StoreEvent) => {
          if (event.kind !== served || event.version <= Number(from)) return
          const seen = seenBy(selection, event)
          if (seen !== undefined) offer({ type: seen.type, object: projected(kind, seen.object) })
        }
        const opened: OpenWatch = {
          call,
          end: () => void Queue.endUnsafe(queue),
          fail: (failure) => void Queue.failCauseUnsafe(queue, Cause.fail(failure(call))),
          mute: () => void (muted = true)
        }
        try {
          for (const event of store.since(Number(from))) tell(event)
        } catch (error) {
          if (!(error instanceof Status.StatusError)) throw error
          const refused = classifyWatchError(call, error.toJSON())
          opened.fail(() => refused)
        }
        const unsubscribe = store.subscribe(tell)
        watches.add(opened)
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            unsubscribe()
            watches.delete(opened)
          })
        )
        const bookmark = Effect.sync(() => {
          if (store.version < Number(from)) return
          offer({ type: "BOOKMARK", object: { metadata: { name: "", resourceVersion: String(store.version) } } })
        })
        yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(bookmarkEvery), bookmark)))
        yield* Effect.forkScoped(Effect.andThen(Effect.sleep(timeout), Effect.sync(opened.end)))
        yield* watchOptions.opened ?? Effect.void
        return Stream.fromQueue(queue)
      })
      return Stream.unwrap(events).pipe(
        Stream.timeoutOrElse({
          duration: silence,
          orElse: () =>
            Stream.fail(
              new TimeoutError({ ...call, kind: "Connection", detail: "the stream is silent", outcomeUnknown: false })
            )
        })
      )
    }

    const callOf = (
      verb: KubernetesCall["verb"],
      kind: ResourceKind,
      where: { readonly namespace?: string | null | undefined; readonly name?: string },
      subresource?: string
    ): KubernetesCall => ({
      verb,
      resource: subresource === undefined ? kind.plural : `${kind.plural}/${subresource}`,
      namespace: where.namespace ?? undefined,
      name: where.name
    })

    const update = (
      kind: ResourceKind,
      reference: { readonly namespace?: string | null | undefined; readonly name: string },
      subresource: "status" | "scale" | "finalize" | undefined,
      change: (current: unknown) => unknown
    ) =>
      projected(
        kind,
        store.update(
          servedKind(kind),
          reference.namespace ?? undefined,
          reference.name,
          subresource === "scale" ? "main" : (subresource ?? "main"),
          (current) =>
            subresource === "scale"
              ? withScale(servedKind(kind), current, plain(change(scaleOf(current))))
              : plain(change(current))
        )
      )

    const api: KubernetesApi["Service"] = {
      serverVersion: answer({ verb: "get", resource: "version" }, undefined, () => serverVersion),
      get: (kind, reference, callOptions) =>
        answer(callOf("get", kind, reference), callOptions, () => {
          if (isHidden(kind, reference.name)) throw Status.notFound(kind.plural, kind.group, reference.name)
          return projected(kind, store.get(servedKind(kind), reference.namespace, reference.name))
        }),
      list: (kind, listOptions) =>
        answer(callOf("list", kind, { namespace: listOptions.namespace }), listOptions, () => list(kind, listOptions)),
      watch,
      create: (kind, object, callOptions) =>
        answer(callOf("create", kind, object.metadata), callOptions, () =>
          projected(kind, store.create(servedKind(kind), object.metadata.namespace ?? undefined, plain(object)))
        ),
      update: (kind, object, callOptions) =>
        answer(callOf("update", kind, object.metadata, callOptions?.subresource), callOptions, () =>
          update(kind, object.metadata, callOptions?.subresource, () => object)
        ),
      patch: (kind, reference, patch, callOptions) =>
        answer(callOf("patch", kind, reference, patch.subresource), callOptions, () => {
          if (patch.type === "strategic" && kind.group === "fission.io") {
            throw new Status.StatusError(415, "UnsupportedMediaType", "strategic merge patches are for built-in kinds")
          }
          const merge = patch.type === "strategic" ? strategicMergePatch : mergePatch
          return update(kind, reference, patch.subresource, (current) => merge(current, plain(patch.body)))
        })
    }
    const deletion: KubernetesDeletion["Service"] = {
      delete: (kind, reference, deleteOptions) =>
        Effect.asVoid(
          answer(callOf("delete", kind, reference), deleteOptions, () =>
            store.delete(servedKind(kind), reference.namespace, reference.name, deleteOptions)
          )
        )
    }

    return {
      ...writer,
      layer: Layer.succeedContext(Context.make(KubernetesApi, api).pipe(Context.add(KubernetesDeletion, deletion))),
      store,
      calls,
      lines: (verb) => calls.filter((call) => verb === undefined || call.verb === verb).map(lineOf),
      intercept: (interceptor) => {
        before = interceptor
      },
      interceptAnswers: (interceptor) => {
        after = interceptor
      },
      hide: (condition) => {
        isHidden = condition ?? (() => false)
      },
      watches: (resource, namespace) =>
        [...watches].filter(
          ({ call }) =>
            (resource === undefined || call.resource === resource) &&
            (namespace === undefined || call.namespace === namespace)
        )
    }
  })

const lineOf = ({ verb, resource, namespace, name }: KubernetesCall): string =>
  [verb, resource, [namespace, name].filter((part) => part !== undefined && part !== "").join("/")]
    .filter((part) => part !== "")
    .join(" ")
