import { Duration, Effect, Latch, type Scope } from "effect"
import type { Described } from "../fission/ResourceKind.ts"
import type { KubernetesApi, KubernetesObject } from "../kubernetes/KubernetesApi.ts"
import * as Reflector from "../kubernetes/Reflector.ts"
import type { Change, StoreReader } from "../kubernetes/Store.ts"

/** How long a controller waits for its own write to come back through the watch. */
const echoWithin = Duration.seconds(30)

/** A view of one kind in all namespaces, for several listeners. */
export interface Informer<A> {
  readonly store: StoreReader<A>
  /** Completes when one complete list has been applied. */
  readonly synced: Effect.Effect<void>
  /** Told of everything that is there, and synchronously of each change from now on. */
  readonly subscribe: (listener: (change: Change<A>) => void) => void
  /**
   * Waits until the view satisfies a condition, at most 30 s: a controller that waits for its own writes decides
   * nothing on a view from before them.
   */
  readonly until: (condition: (store: StoreReader<A>) => boolean) => Effect.Effect<void>
  /** The same, until the view is as new as an object that a write returned. */
  readonly untilAsNewAs: (written: KubernetesObject) => Effect.Effect<void>
}

/** Lists and watches until the scope closes. */
export const make = <A extends Described>(
  options: Pick<Reflector.ReflectorOptions<A>, "kind" | "indexes">
): Effect.Effect<Informer<A>, never, KubernetesApi | Scope.Scope> =>
  Effect.gen(function* () {
    const listeners = new Set<(change: Change<A>) => void>()
    const synced = yield* Latch.make()

    const onStatus = (status: Reflector.ReflectorStatus) => {
      if (status.state === "Watching") return synced.open
      if (status.error === undefined) return Effect.void
      return Effect.logDebug("view is out of date", { kind: options.kind.kind, problem: status.error.message })
    }
    const reflector = yield* Reflector.make<A>({
      ...options,
      onChange: (change) => listeners.forEach((listener) => listener(change)),
      onStatus
    })
    yield* Effect.forkScoped(reflector.run)

    const { store } = reflector
    let latest = 0n
    listeners.add(({ object }) => {
      const version = versionOf(object)
      if (version > latest) latest = version
    })

    const until = (condition: (store: StoreReader<A>) => boolean) =>
      Effect.callback<void>((resume) => {
        const check = () => {
          if (condition(store)) resume(Effect.void)
        }
        listeners.add(check)
        check()
        return Effect.sync(() => listeners.delete(check))
      }).pipe(Effect.timeoutOption(echoWithin), Effect.asVoid)

    return {
      store,
      synced: synced.await,
      subscribe: (listener) => {
        listeners.add(listener)
        for (const object of store.values()) listener({ type: "Upsert", object, previous: undefined })
      },
      until,
      untilAsNewAs: (written) => until(() => latest >= versionOf(written))
    }
  })

const versionOf = ({ metadata }: Described): bigint => BigInt(metadata.resourceVersion ?? 0)
