import { Effect, Latch, Layer } from "effect"
import { TimeoutError } from "../../src/Errors.ts"
import { KubernetesApi, type PatchOptions } from "../../src/kubernetes/KubernetesApi.ts"
import { Leadership, type Role } from "../../src/safeguards/Leadership.ts"

/** A replica that is what a test says, without an election. */
export interface ReplicaRole {
  readonly layer: Layer.Layer<Leadership>
  readonly become: (role: Role) => void
}

/** A replica that leads. */
export const make: Effect.Effect<ReplicaRole> = Effect.gen(function* () {
  const gained = yield* Latch.make(true)
  const lost = yield* Latch.make()
  let current: Role = "Leader"
  const between =
    (begin: Latch.Latch, end: Latch.Latch) =>
    <E>(self: Effect.Effect<never, E>): Effect.Effect<never, E> =>
      Effect.forever(Effect.andThen(begin.await, Effect.raceFirst(self, end.await)))
  return {
    layer: Layer.succeed(Leadership, {
      role: () => current,
      leader: () => undefined,
      whileLeading: between(gained, lost),
      whileFollowing: between(lost, gained)
    }),
    become: (role) => {
      current = role
      const [open, closed] = role === "Leader" ? [gained, lost] : [lost, gained]
      closed.closeUnsafe()
      open.openUnsafe()
    }
  }
})

/** The Kubernetes API behind the fence of a replica: what does not lead writes nothing but what needs no lease. */
export const fenced: Layer.Layer<KubernetesApi, never, KubernetesApi | Leadership> = Layer.effect(
  KubernetesApi,
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const { role } = yield* Leadership
    const notSent = (verb: "create" | "update" | "patch", resource: string) =>
      new TimeoutError({ verb, resource, kind: "NotLeader", detail: "not sent", outcomeUnknown: false })
    return KubernetesApi.of({
      ...api,
      create: (kind, ...rest) =>
        Effect.suspend(() => (role() === "Leader" ? api.create(kind, ...rest) : notSent("create", kind.plural))),
      update: (kind, ...rest) =>
        Effect.suspend(() => (role() === "Leader" ? api.update(kind, ...rest) : notSent("update", kind.plural))),
      patch: (kind, reference, patch, options?: PatchOptions) =>
        Effect.suspend(() =>
          role() === "Leader" || options?.withoutLease === true
            ? api.patch(kind, reference, patch, options)
            : notSent("patch", kind.plural)
        )
    })
  })
)
