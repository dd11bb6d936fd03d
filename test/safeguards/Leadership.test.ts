import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Layer, Result, Scope } from "effect"
import { TestClock } from "effect/testing"
import { executorAddress } from "../../src/fission/Lease.ts"
import { Leases } from "../../src/fission/ResourceKind.ts"
import { answeredWithin } from "../../src/kubernetes/Deadline.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import { timingOf } from "../../src/kubernetes/LeaseElection.ts"
import * as WriteFence from "../../src/kubernetes/WriteFence.ts"
import { Leadership } from "../../src/safeguards/Leadership.ts"
import * as CapturedLog from "../fakes/CapturedLog.ts"
import { etcdTimeout, forbidden } from "../fakes/Failures.ts"
import * as KubernetesApiInMemory from "../fakes/KubernetesApiInMemory.ts"

const where = { namespace: "fission", name: "fission-executor" }

/** The API as one replica reaches it: what shall happen to each of its calls, before and after. */
const reachedThrough = (trouble: () => Effect.Effect<void>) =>
  Layer.effect(
    KubernetesApi,
    Effect.map(KubernetesApi, (api) => {
      const troubled = <A, E>(self: Effect.Effect<A, E>) =>
        Effect.suspend(trouble).pipe(Effect.andThen(self), Effect.tap(trouble), (call) =>
          answeredWithin({ verb: "get", resource: "leases" }, Duration.seconds(3))(call)
        )
      return KubernetesApi.of({
        ...api,
        get: (kind, reference, options) => troubled(api.get(kind, reference, options)),
        create: (kind, object, options) => troubled(api.create(kind, object, options)),
        update: (kind, object, options) => troubled(api.update(kind, object, options))
      })
    })
  )

/** One replica that takes part in the election, and may be stopped. */
const replica = (
  api: KubernetesApiInMemory.KubernetesApiInMemory,
  identity: string,
  trouble: () => Effect.Effect<void> = () => Effect.void
) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const fence = yield* WriteFence.make
    const log = yield* CapturedLog.make
    const layer = Leadership.layer({
      identity,
      address: `${identity}:8888`,
      lease: where,
      timing: timingOf(Duration.seconds(15))
    }).pipe(
      Layer.provide(reachedThrough(trouble)),
      Layer.provide([api.layer, Layer.succeed(WriteFence.WriteFence, fence), log.layer])
    )
    const context = yield* Layer.buildWithScope(layer, scope)
    const leadership = yield* Effect.provide(Leadership, context)
    return { ...leadership, fence, log, stop: Scope.close(scope, Exit.void) }
  })

const alone = Effect.gen(function* () {
  const api = yield* KubernetesApiInMemory.make({ namespaces: ["fission"] })
  const first = yield* replica(api, "first")
  yield* TestClock.adjust(0)
  return { api, first }
})

/** A leader, and a replica that has come later. */
const two = Effect.gen(function* () {
  const { api, first } = yield* alone
  const second = yield* replica(api, "second")
  yield* TestClock.adjust(0)
  return { api, first, second }
})

const leaseIn = (api: KubernetesApiInMemory.KubernetesApiInMemory) =>
  Result.getOrThrow(Leases.decode(api.find(Leases, where)))

describe("the election", () => {
  it.effect("makes the first replica leader, after it has read its own lease once more", () =>
    Effect.gen(function* () {
      const { api, first } = yield* alone
      assert.deepStrictEqual(api.lines(), [
        "get leases fission/fission-executor",
        "create leases fission/fission-executor",
        "get leases fission/fission-executor"
      ])
      assert.strictEqual(first.role(), "Leader")
      assert.isTrue(first.fence.isOpen())
      const { metadata, spec } = leaseIn(api)
      assert.strictEqual(spec?.holderIdentity, "first")
      assert.strictEqual(spec?.leaseDurationSeconds, 15)
      assert.strictEqual(metadata.annotations?.[executorAddress], "first:8888")
      assert.match(spec?.renewTime ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/u)
    })
  )

  it.effect("is renewed for as long as the leader lives, with one write about every two seconds", () =>
    Effect.gen(function* () {
      const { api, first, second } = yield* two
      const before = api.lines("update").length
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual([first.role(), second.role()], ["Leader", "Standby"])
      assert.approximately(api.lines("update").length - before, 150, 25)
      assert.strictEqual(leaseIn(api).spec?.leaseTransitions, 0)
    })
  )

  it.effect("tells the stand-by where the leader is", () =>
    Effect.gen(function* () {
      const { first, second } = yield* two
      assert.strictEqual(second.leader(), "first:8888")
      assert.isFalse(second.fence.isOpen())
      assert.strictEqual(first.leader(), undefined)
    })
  )

  it.effect("18.14: passes on within seconds when the leader stops in an orderly way", () =>
    Effect.gen(function* () {
      const { api, first, second } = yield* two
      yield* first.stop
      assert.isFalse(first.fence.isOpen())
      yield* TestClock.adjust("2400 millis")
      assert.strictEqual(second.role(), "Leader")
      assert.strictEqual(leaseIn(api).spec?.leaseTransitions, 1)
    })
  )

  it.effect("waits the whole lease for a leader that is silent, and not longer", () =>
    Effect.gen(function* () {
      const { api, first, second } = yield* two
      // Everybody may read; nobody may write until the lease has run out.
      api.intercept((call) => (call.verb === "update" ? Effect.fail(etcdTimeout(call)) : undefined))
      yield* TestClock.adjust("14 seconds")
      assert.strictEqual(second.role(), "Standby")
      assert.strictEqual(second.leader(), "first:8888")
      assert.strictEqual(first.role(), "Demoted")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(second.leader(), undefined)
      api.intercept()
      yield* TestClock.adjust("3 seconds")
      assert.lengthOf(
        [first, second].filter((one) => one.role() === "Leader"),
        1
      )
    })
  )

  it.effect(
    "B7: 18.3: demotes a leader that cannot renew, eight seconds after its last renewal was sent, and takes it back",
    () =>
      Effect.gen(function* () {
        const { api, first } = yield* alone
        api.intercept((call) => Effect.fail(etcdTimeout(call)))
        yield* TestClock.adjust("7900 millis")
        assert.isTrue(first.fence.isOpen())
        yield* TestClock.adjust("100 millis")
        assert.strictEqual(first.role(), "Demoted")
        assert.isFalse(first.fence.isOpen())
        yield* TestClock.adjust("10 minutes")
        api.intercept()
        yield* TestClock.adjust("2400 millis")
        assert.strictEqual(first.role(), "Leader")
        const told = first.log.lines.filter(({ level }) => level === "Warn").map(({ message }) => message)
        assert.deepStrictEqual(told, [
          "the lease cannot be taken or renewed; tried again until it can",
          "this replica leads no more; it writes nothing, goes on answering, and takes part in the election"
        ])
      })
  )

  it.effect("B7: counts an answer that hangs as not renewed", () =>
    Effect.gen(function* () {
      const { api, first } = yield* alone
      api.intercept(() => Effect.never)
      yield* TestClock.adjust("8 seconds")
      assert.strictEqual(first.role(), "Demoted")
    })
  )

  it.effect("B7: survives one renewal whose answer is lost", () =>
    Effect.gen(function* () {
      const { api, first } = yield* alone
      let lost = 0
      api.interceptAnswers((call) => (call.verb === "update" && lost++ === 0 ? Effect.never : undefined))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(lost > 1, true)
      assert.strictEqual(first.role(), "Leader")
      assert.deepStrictEqual(
        first.log.lines.filter(({ message }) => message.includes("no more")),
        []
      )
    })
  )

  it.effect("demotes at once who finds that another replica holds the lease", () =>
    Effect.gen(function* () {
      const { api, first } = yield* alone
      api.merge(Leases, where, { spec: { holderIdentity: "other" } })
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(first.role(), "Standby")
      assert.isFalse(first.fence.isOpen())
    })
  )

  it.effect("B7: says once what right is missing, and leads when it is granted", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApiInMemory.make({
        namespaces: ["fission"],
        intercept: (call) => Effect.fail(forbidden(call))
      })
      const first = yield* replica(api, "first")
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(first.role(), "Standby")
      const errors = first.log.lines.filter(({ level }) => level === "Error")
      assert.lengthOf(errors, 1)
      assert.include(String(errors[0]?.fields["detail"]), "grant this right")
      api.intercept()
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(first.role(), "Leader")
    })
  )

  it.effect("does not believe wall clocks: a leader whose clock is an hour behind is not deposed", () =>
    Effect.gen(function* () {
      const { api, second } = yield* two
      api.merge(Leases, where, { spec: { renewTime: "1999-01-01T00:00:00.000000Z" } })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(second.role(), "Standby")
    })
  )
})

describe("work of the leader", () => {
  it.effect("runs while it leads, ends when it does no more, and begins again", () =>
    Effect.gen(function* () {
      const { api, first } = yield* alone
      const runs: Array<string> = []
      const work = Effect.acquireUseRelease(
        Effect.sync(() => runs.push("begins")),
        () => Effect.never,
        () => Effect.sync(() => runs.push("ends"))
      )
      yield* Effect.forkScoped(first.whileLeading(work))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(runs, ["begins"])
      api.intercept((call) => Effect.fail(etcdTimeout(call)))
      yield* TestClock.adjust("8 seconds")
      assert.deepStrictEqual(runs, ["begins", "ends"])
      api.intercept()
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(runs, ["begins", "ends", "begins"])
    })
  )

  it.effect("gives way to what runs while it does not lead, and the other way round", () =>
    Effect.gen(function* () {
      const { api, first, second } = yield* two
      const running = new Set<string>()
      const work = (name: string) =>
        Effect.acquireUseRelease(
          Effect.sync(() => running.add(name)),
          () => Effect.never,
          () => Effect.sync(() => running.delete(name))
        )
      for (const [name, replica] of Object.entries({ first, second })) {
        yield* Effect.forkScoped(replica.whileLeading(work(`${name} leads`)))
        yield* Effect.forkScoped(replica.whileFollowing(work(`${name} follows`)))
      }
      yield* TestClock.adjust(0)
      assert.sameMembers([...running], ["first leads", "second follows"])
      api.intercept((call) => Effect.fail(etcdTimeout(call)))
      yield* TestClock.adjust("20 seconds")
      assert.sameMembers([...running], ["first follows", "second follows"])
    })
  )

  it.effect("never overlaps with that of another replica, whatever fails and pauses", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApiInMemory.make({ namespaces: ["fission"] })
      const clock = yield* Clock.Clock
      let seed = 7
      const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
      /** Now and then one replica is cut off for a while, or its calls are slow. */
      const troubled = () => {
        let cutOffUntil = 0
        return Effect.suspend(() => {
          const now = clock.currentTimeMillisUnsafe()
          if (now > cutOffUntil && random() < 0.02) cutOffUntil = now + random() * 40_000
          return now < cutOffUntil ? Effect.sleep(random() < 0.5 ? "4 seconds" : "1 second") : Effect.void
        })
      }
      const [mine, others] = [troubled(), troubled()]
      const first = yield* replica(api, "first", () => mine)
      const second = yield* replica(api, "second", () => others)
      const leaders = new Set<string>()
      let overlaps = 0
      const look = Effect.sync(() => {
        const open = [first, second].filter(({ fence }) => fence.isOpen())
        if (open.length > 1) overlaps++
        for (const one of open) leaders.add(one === first ? "first" : "second")
      })
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(look, Effect.sleep("100 millis"))))
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(overlaps, 0)
      assert.strictEqual(leaders.size, 2)
    })
  )
})
