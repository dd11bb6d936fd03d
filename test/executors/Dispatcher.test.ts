import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Settings } from "../../src/Config.ts"
import { FissionError } from "../../src/Errors.ts"
import { CreationBounds } from "../../src/executors/CreationBounds.ts"
import { Dispatcher } from "../../src/executors/Dispatcher.ts"
import type { Admission, ExecutorType, Miss, ServiceAddress, Tap } from "../../src/executors/ExecutorType.ts"
import type { FissionFunction } from "../../src/fission/Function.ts"
import type { NamespaceCell } from "../../src/namespaces/NamespaceCell.ts"
import { fakeCell, fakeType, supervisorLayer, typesLayer } from "../fakes/ExecutorTypeFake.ts"

interface World {
  readonly types?: ReadonlyArray<ExecutorType>
  readonly cells?: ReadonlyArray<NamespaceCell>
  readonly variables?: { readonly [name: string]: string }
}

const withDispatcher = <A, E>(world: World, test: (dispatcher: Dispatcher["Service"]) => Effect.Effect<A, E>) =>
  Effect.flatMap(Dispatcher, test).pipe(
    Effect.provide(
      Dispatcher.layer.pipe(
        Layer.provide([
          typesLayer(world.types ?? []),
          supervisorLayer(world.cells ?? []),
          CreationBounds.layer.pipe(Layer.provide(Settings.layer(world.variables ?? {})))
        ])
      )
    )
  )

const functionOf = (type = "poolmgr", specializationTimeout?: number): FissionFunction => ({
  metadata: { name: "hello", namespace: "default", uid: "uid-1", generation: 3 },
  spec: {
    InvokeStrategy: {
      ExecutionStrategy: {
        ExecutorType: type,
        ...(specializationTimeout !== undefined && { SpecializationTimeout: specializationTimeout })
      }
    }
  }
})

const hit = (service: ServiceAddress, checks: Partial<Extract<Admission, { _tag: "Hit" }>> = {}): Admission => ({
  _tag: "Hit",
  service,
  isValid: () => true,
  evict: () => {},
  ...checks
})

/** A miss, and how often it was abandoned. */
const missWith = (create: Effect.Effect<ServiceAddress, FissionError>) => {
  let abandoned = 0
  const miss: Miss = { _tag: "Miss", create: () => create, abandon: () => void abandoned++ }
  return { miss, type: fakeType("poolmgr", { admit: () => Effect.succeed(miss) }), abandoned: () => abandoned }
}

const service = (address: string): ServiceAddress => ({ address, release: Effect.void })
const tapOf = (executorType: string, address = "10.1.2.3:8888"): Tap => ({
  executorType,
  metadata: { name: "hello", namespace: "default", uid: "uid-1", generation: 2 },
  address
})
const refused = (text: string) => new FissionError({ kind: "TooManyRequests", text })

describe("getService", () => {
  it.effect("answers a valid hit without creating anything", () =>
    withDispatcher(
      { types: [fakeType("poolmgr", { admit: () => Effect.succeed(hit(service("10.1.2.3:8888"))) })] },
      Effect.fnUntraced(function* (dispatcher) {
        assert.strictEqual((yield* dispatcher.getService(functionOf(), "id")).address, "10.1.2.3:8888")
      })
    )
  )

  it.effect("treats an empty executor type as poolmgr (H4)", () =>
    withDispatcher(
      { types: [fakeType("poolmgr", { admit: () => Effect.succeed(hit(service("10.1.2.3:8888"))) })] },
      Effect.fnUntraced(function* (dispatcher) {
        assert.strictEqual((yield* dispatcher.getService(functionOf(""), "id")).address, "10.1.2.3:8888")
      })
    )
  )

  it.effect("refuses a type that nobody registered", () =>
    withDispatcher(
      {},
      Effect.fnUntraced(function* (dispatcher) {
        const error = yield* Effect.flip(dispatcher.getService(functionOf("POOLMGR"), "id"))
        assert.deepStrictEqual([error.status, error.text], [500, "unknown executor type 'POOLMGR'"])
      })
    )
  )

  it.effect("evicts invalid hits and asks again until one is valid (H7)", () => {
    const evicted: Array<string> = []
    const answers = ["gone-1", "gone-2", "alive"].map((address) =>
      hit(service(address), { isValid: () => address === "alive", evict: () => void evicted.push(address) })
    )
    const type = fakeType("poolmgr", {
      admit: () => Effect.sync(() => answers.shift() ?? hit(service("too far")))
    })
    return withDispatcher(
      { types: [type] },
      Effect.fnUntraced(function* (dispatcher) {
        assert.strictEqual((yield* dispatcher.getService(functionOf(), "id")).address, "alive")
        assert.deepStrictEqual(evicted, ["gone-1", "gone-2"])
      })
    )
  })

  it.effect("gives up on hits that are never valid", () =>
    withDispatcher(
      {
        types: [fakeType("poolmgr", { admit: () => Effect.succeed(hit(service("gone"), { isValid: () => false })) })]
      },
      Effect.fnUntraced(function* (dispatcher) {
        assert.strictEqual((yield* Effect.flip(dispatcher.getService(functionOf(), "id"))).status, 503)
      })
    )
  )

  it.effect("passes the correlation id on to the creation", () => {
    const seen: Array<string> = []
    const type = fakeType("poolmgr", {
      admit: () =>
        Effect.succeed({
          _tag: "Miss",
          create: (id) => Effect.sync(() => (seen.push(id), service("10.1.2.3:8888"))),
          abandon: () => {}
        })
    })
    return withDispatcher(
      { types: [type] },
      Effect.fnUntraced(function* (dispatcher) {
        yield* dispatcher.getService(functionOf(), "request-7")
        assert.deepStrictEqual(seen, ["request-7"])
      })
    )
  })

  it.effect("abandons a creation that failed, once, and passes its error on (E3)", () => {
    const failing = missWith(Effect.fail(new FissionError({ kind: "InvalidArgument", text: "bad package" })))
    return withDispatcher(
      { types: [failing.type] },
      Effect.fnUntraced(function* (dispatcher) {
        const error = yield* Effect.flip(dispatcher.getService(functionOf(), "id"))
        assert.deepStrictEqual([error.status, error.text, failing.abandoned()], [400, "bad package", 1])
      })
    )
  })

  it.effect("runs one creation for each of three concurrent misses (G5)", () => {
    let created = 0
    const { type } = missWith(Effect.sync(() => service(`10.0.0.${++created}:8888`)))
    return withDispatcher(
      { types: [type] },
      Effect.fnUntraced(function* (dispatcher) {
        const answers = yield* Effect.all(
          [1, 2, 3].map(() => dispatcher.getService(functionOf(), "id")),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          answers.map((answer) => answer.address),
          ["10.0.0.1:8888", "10.0.0.2:8888", "10.0.0.3:8888"]
        )
      })
    )
  })
})

describe("a caller that goes away", () => {
  it.effect("stops the creation, which is abandoned (G6)", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const stopped = yield* Deferred.make<void>()
      const waiting = missWith(
        Effect.andThen(Deferred.succeed(started, undefined), Effect.never).pipe(
          Effect.onInterrupt(() => Deferred.succeed(stopped, undefined))
        )
      )
      yield* withDispatcher(
        { types: [waiting.type] },
        Effect.fnUntraced(function* (dispatcher) {
          const caller = yield* Effect.forkChild(dispatcher.getService(functionOf(), "id"))
          yield* Deferred.await(started)
          yield* Fiber.interrupt(caller)
          yield* Deferred.await(stopped)
          assert.strictEqual(waiting.abandoned(), 1)
        })
      )
    })
  )

  it.effect("abandons the address that is made in that instant (G7)", () => {
    let caller: Fiber.Fiber<ServiceAddress, FissionError> | undefined
    const { abandoned, type } = missWith(
      Effect.andThen(
        Effect.yieldNow,
        Effect.sync(() => (caller?.interruptUnsafe(), service("10.1.2.3:8888")))
      )
    )
    return withDispatcher(
      { types: [type] },
      Effect.fnUntraced(function* (dispatcher) {
        caller = yield* Effect.forkChild(dispatcher.getService(functionOf(), "id"))
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(caller)))
        assert.strictEqual(abandoned(), 1)
      })
    )
  })

  it.effect("does not lose a hit where the call itself must not be interrupted (H6)", () => {
    let kept = ""
    let caller: Fiber.Fiber<void, FissionError> | undefined
    const type = fakeType("poolmgr", {
      admit: () => Effect.andThen(Effect.yieldNow, Effect.succeed(leavingHit))
    })
    const leavingHit = hit(service("10.1.2.3:8888"), { isValid: () => (caller?.interruptUnsafe(), true) })
    return withDispatcher(
      { types: [type] },
      Effect.fnUntraced(function* (dispatcher) {
        caller = yield* dispatcher.getService(functionOf(), "id").pipe(
          Effect.map(({ address }) => void (kept = address)),
          Effect.uninterruptible,
          Effect.forkChild
        )
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(caller)))
        assert.strictEqual(kept, "10.1.2.3:8888")
      })
    )
  })

  it.effect("ends the wait for an admission even where the call must not be interrupted", () =>
    Effect.gen(function* () {
      const waiting = yield* Deferred.make<void>()
      const type = fakeType("poolmgr", {
        admit: () => Effect.andThen(Deferred.succeed(waiting, undefined), Effect.interruptible(Effect.never))
      })
      yield* withDispatcher(
        { types: [type] },
        Effect.fnUntraced(function* (dispatcher) {
          const call = Effect.uninterruptible(dispatcher.getService(functionOf(), "id"))
          const caller = yield* Effect.forkChild(call)
          yield* Deferred.await(waiting)
          yield* Fiber.interrupt(caller)
          assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(caller)))
        })
      )
    })
  )
})

describe("the bound of creations", () => {
  const bounded = { EXECUTOR_SPECIALIZATION_CONCURRENCY: "2" }

  it.effect("never runs more than two of ten at a time (G8)", () => {
    let running = 0
    let most = 0
    const { type } = missWith(
      Effect.sync(() => (most = Math.max(most, ++running))).pipe(
        Effect.andThen(Effect.sleep("1 second")),
        Effect.map(() => (running--, service("10.1.2.3:8888")))
      )
    )
    return withDispatcher(
      { types: [type], variables: bounded },
      Effect.fnUntraced(function* (dispatcher) {
        const all = yield* Effect.forkChild(
          Effect.all(
            Array.from({ length: 10 }, () => dispatcher.getService(functionOf(), "id")),
            { concurrency: "unbounded" }
          )
        )
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual((yield* Fiber.join(all)).length, 10)
        assert.strictEqual(most, 2)
      })
    )
  })

  it.effect("serves the waiting in order and never runs one that left (G8)", () => {
    const ran: Array<string> = []
    const type = fakeType("poolmgr", {
      admit: () =>
        Effect.succeed({
          _tag: "Miss",
          create: (id) =>
            Effect.sync(() => void ran.push(id)).pipe(
              Effect.andThen(Effect.sleep("1 second")),
              Effect.as(service("10.1.2.3:8888"))
            ),
          abandon: () => {}
        })
    })
    return withDispatcher(
      { types: [type], variables: bounded },
      Effect.fnUntraced(function* (dispatcher) {
        const callers = yield* Effect.forEach(["a", "b", "c", "d", "e"], (id) =>
          Effect.forkChild(dispatcher.getService(functionOf(), id), { startImmediately: true })
        )
        const third = callers[2]
        assert.isDefined(third)
        if (third !== undefined) yield* Fiber.interrupt(third)
        yield* TestClock.adjust("3 seconds")
        assert.deepStrictEqual(ran, ["a", "b", "d", "e"])
      })
    )
  })

  it.effect("starts the deadline with the slot, not with the wait for it", () => {
    const { type } = missWith(Effect.as(Effect.sleep("100 seconds"), service("10.1.2.3:8888")))
    return withDispatcher(
      { types: [type], variables: { EXECUTOR_SPECIALIZATION_CONCURRENCY: "1" } },
      Effect.fnUntraced(function* (dispatcher) {
        const callers = yield* Effect.forEach([1, 2], () => Effect.forkChild(dispatcher.getService(functionOf(), "id")))
        yield* TestClock.adjust("200 seconds")
        const exits = yield* Effect.forEach(callers, Fiber.await)
        assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, true])
      })
    )
  })

  it.effect("does not hold back warm answers", () => {
    let first = true
    const miss = missWith(Effect.never)
    const type = fakeType("poolmgr", {
      admit: (fn) => {
        if (!first) return Effect.succeed(hit(service("warm")))
        first = false
        return miss.type.admit(fn)
      }
    })
    return withDispatcher(
      { types: [type], variables: { EXECUTOR_SPECIALIZATION_CONCURRENCY: "1" } },
      Effect.fnUntraced(function* (dispatcher) {
        yield* Effect.forkChild(dispatcher.getService(functionOf(), "id"), { startImmediately: true })
        assert.strictEqual((yield* dispatcher.getService(functionOf(), "id")).address, "warm")
      })
    )
  })
})

describe("the deadline of a creation (G9)", () => {
  it.effect.each([
    [0, 130],
    [60, 130],
    [120, 130],
    [300, 310]
  ] as const)("for SpecializationTimeout %d", ([timeout, seconds]) => {
    const endless = missWith(Effect.never)
    return withDispatcher(
      { types: [endless.type] },
      Effect.fnUntraced(function* (dispatcher) {
        const caller = yield* Effect.forkChild(Effect.flip(dispatcher.getService(functionOf("poolmgr", timeout), "id")))
        yield* TestClock.adjust(Duration.seconds(seconds - 1))
        assert.isUndefined(caller.pollUnsafe())
        yield* TestClock.adjust("1 second")
        const error = yield* Fiber.join(caller)
        assert.strictEqual(error.status, 500)
        assert.strictEqual(error.text, `[hello] error creating service for function: not done within ${seconds} s`)
        assert.strictEqual(endless.abandoned(), 1)
      })
    )
  })
})

describe("ensureCapacity", () => {
  it.effect("answers the address of the new pod (E1)", () => {
    const created: Array<string> = []
    const type = fakeType("poolmgr", {
      ensureCapacity: () =>
        Effect.succeed({
          _tag: "Miss",
          create: (id) => Effect.sync(() => (created.push(id), service("10.1.2.3:8888"))),
          abandon: () => void created.push("abandoned")
        })
    })
    return withDispatcher(
      { types: [type] },
      Effect.fnUntraced(function* (dispatcher) {
        assert.strictEqual((yield* dispatcher.ensureCapacity(functionOf(), "id")).address, "10.1.2.3:8888")
        assert.deepStrictEqual(created, ["id"])
      })
    )
  })

  it.effect("passes a refused reservation on (E2)", () =>
    withDispatcher(
      { types: [fakeType("poolmgr", { ensureCapacity: () => Effect.fail(refused("limit reached.")) })] },
      Effect.fnUntraced(function* (dispatcher) {
        const error = yield* Effect.flip(dispatcher.ensureCapacity(functionOf(), "id"))
        assert.deepStrictEqual([error.status, error.text], [429, "limit reached."])
      })
    )
  )

  it.effect("is 400 for a type that knows no capacity, with the type escaped (E4)", () =>
    withDispatcher(
      { types: [fakeType("newdeploy")] },
      Effect.fnUntraced(function* (dispatcher) {
        for (const [type, escaped] of [
          ["newdeploy", "newdeploy"],
          [`<b>&'"`, "&lt;b&gt;&amp;&#39;&#34;"]
        ] as const) {
          const error = yield* Effect.flip(dispatcher.ensureCapacity(functionOf(type), "id"))
          assert.strictEqual(error.status, 400)
          assert.strictEqual(error.text, `ensureCapacity supports poolmgr only, got '${escaped}'`)
        }
      })
    )
  )

  it.effect("refuses at once even while every slot is taken (G8)", () => {
    const busy = missWith(Effect.never)
    const type = { ...busy.type, ensureCapacity: () => Effect.fail(refused("limit reached.")) }
    return withDispatcher(
      { types: [type], variables: { EXECUTOR_SPECIALIZATION_CONCURRENCY: "1" } },
      Effect.fnUntraced(function* (dispatcher) {
        yield* Effect.forkChild(dispatcher.getService(functionOf(), "id"), { startImmediately: true })
        assert.strictEqual((yield* Effect.flip(dispatcher.ensureCapacity(functionOf(), "id"))).status, 429)
      })
    )
  })

  it.effect("abandons the reservation of a pod that could not be made, once (E3)", () => {
    const failing = missWith(Effect.fail(new FissionError({ kind: "InvalidArgument", text: "bad package" })))
    return withDispatcher(
      { types: [fakeType("poolmgr", { ensureCapacity: () => Effect.succeed(failing.miss) })] },
      Effect.fnUntraced(function* (dispatcher) {
        const error = yield* Effect.flip(dispatcher.ensureCapacity(functionOf(), "id"))
        assert.deepStrictEqual([error.status, failing.abandoned()], [400, 1])
      })
    )
  })

  it.effect("never answers not found (H10)", () => {
    const type = fakeType("poolmgr", {
      ensureCapacity: () => Effect.fail(new FissionError({ kind: "NotFound", text: "no such archive" }))
    })
    return withDispatcher(
      { types: [type] },
      Effect.fnUntraced(function* (dispatcher) {
        const error = yield* Effect.flip(dispatcher.ensureCapacity(functionOf(), "id"))
        assert.deepStrictEqual([error.status, error.text], [400, "no such archive"])
      })
    )
  })
})

describe("taps", () => {
  it.effect("touches every entry, whatever becomes of the others (T1, T2)", () => {
    const touched: Array<string> = []
    const type = (name: string) =>
      fakeType(name, { tap: (address) => touched.push(`${name} ${address}`) > 0 && address !== "unknown" })
    return withDispatcher(
      { types: [type("poolmgr"), type("newdeploy")] },
      Effect.fnUntraced(function* (dispatcher) {
        const bad = tapOf("bad", "x")
        const result = yield* dispatcher.tap([
          bad,
          tapOf("newdeploy", "unknown"),
          tapOf("poolmgr", "10.0.0.1:8888"),
          tapOf("", "10.0.0.2:8888")
        ])
        assert.deepStrictEqual(result, { touched: 2, notFound: 1, unknownType: [bad] })
        assert.deepStrictEqual(touched, ["newdeploy unknown", "poolmgr 10.0.0.1:8888", "poolmgr 10.0.0.2:8888"])
      })
    )
  })

  it.effect("hands an un-tap with its outdated generation to the cache (U2)", () => {
    const given: Array<Tap> = []
    return withDispatcher(
      { types: [fakeType("poolmgr", { unTap: (tap) => void given.push(tap) })] },
      Effect.fnUntraced(function* (dispatcher) {
        yield* dispatcher.unTap(tapOf("poolmgr"))
        assert.deepStrictEqual(given, [tapOf("poolmgr")])
      })
    )
  })

  it.effect("refuses to un-tap any other type (U1)", () =>
    withDispatcher(
      { types: [fakeType("poolmgr"), fakeType("newdeploy")] },
      Effect.fnUntraced(function* (dispatcher) {
        for (const type of ["newdeploy", "", "nope"]) {
          const error = yield* Effect.flip(dispatcher.unTap(tapOf(type)))
          assert.deepStrictEqual([error.status, error.text], [400, `Unknown executor type &#39;${type}&#39;`])
        }
      })
    )
  )
})

describe("readiness", () => {
  it.effect("is not reached before a namespace is synced", () =>
    withDispatcher(
      { cells: [fakeCell("default").cell] },
      Effect.fnUntraced(function* (dispatcher) {
        assert.isFalse(yield* dispatcher.ready)
      })
    )
  )

  it.effect("waits for namespaces that have not answered, but at most 5 s", () => {
    const [synced, silent] = [fakeCell("a"), fakeCell("b")]
    return withDispatcher(
      { cells: [synced.cell, silent.cell] },
      Effect.fnUntraced(function* (dispatcher) {
        synced.sync()
        assert.isFalse(yield* dispatcher.ready)
        yield* TestClock.adjust("5 seconds")
        assert.isTrue(yield* dispatcher.ready)
      })
    )
  })

  it.effect("does not wait for a namespace in trouble", () => {
    const [synced, blocked] = [fakeCell("a"), fakeCell("b")]
    return withDispatcher(
      { cells: [synced.cell, blocked.cell] },
      Effect.fnUntraced(function* (dispatcher) {
        synced.sync()
        blocked.become("Blocked")
        assert.isTrue(yield* dispatcher.ready)
      })
    )
  })

  it.effect("is kept once it was reached", () => {
    const [synced, second] = [fakeCell("a"), fakeCell("b")]
    return withDispatcher(
      { cells: [synced.cell, second.cell] },
      Effect.fnUntraced(function* (dispatcher) {
        synced.sync()
        second.become("BackingOff")
        assert.isTrue(yield* dispatcher.ready)
        second.become("Starting")
        assert.isTrue(yield* dispatcher.ready)
      })
    )
  })
})

describe("shutting down", () => {
  it.effect("answers warm requests and refuses creations", () => {
    const miss = missWith(Effect.succeed(service("cold")))
    const types = [miss.type, fakeType("newdeploy", { admit: () => Effect.succeed(hit(service("warm"))) })]
    return withDispatcher(
      { types },
      Effect.fnUntraced(function* (dispatcher) {
        dispatcher.stopCreating()
        assert.strictEqual((yield* dispatcher.getService(functionOf("newdeploy"), "id")).address, "warm")
        const error = yield* Effect.flip(dispatcher.getService(functionOf(), "id"))
        assert.deepStrictEqual([error.status, miss.abandoned()], [503, 1])
      })
    )
  })
})

it.effect("shows what every type remembers", () =>
  withDispatcher(
    {
      types: [
        fakeType("poolmgr", { debugInfo: () => "one\n" }),
        fakeType("newdeploy"),
        fakeType("container", { debugInfo: () => "two\n" })
      ]
    },
    Effect.fnUntraced(function* (dispatcher) {
      assert.strictEqual(yield* dispatcher.debugInfo, "one\ntwo\n")
    })
  )
)
