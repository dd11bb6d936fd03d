import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Events } from "../../../src/fission/ResourceKind.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, groundsOf, running, settle } from "../../fakes/ExecutorInMemory.ts"
import { reference, request } from "./ServedWorld.ts"

type World = ExecutorInMemory.ExecutorInMemory

/** A function whose pods go after ten seconds, with two warm pods. */
const short = (variables: { readonly [name: string]: string } = {}) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make(variables)
    const environment = world.environment()
    for (const index of [1, 2]) world.warmPod(environment, `warm-${index}`, `10.0.0.${index}`)
    return { ...world, function: world.fn({ spec: { idletimeout: 10, functionTimeout: 10 } }) }
  })

let events = 0

/** The fetcher of the pod says what its runtime told it (function-pod-protocol.md section 3). */
const says = (world: World, reason: "WsConnectionStarted" | "NoActiveConnections", uid?: string) => {
  const about = { kind: "Pod", ...reference("warm-1"), uid: uid ?? world.pod("warm-1")?.metadata.uid }
  world.api.put(Events, {
    metadata: reference(`some.name.${++events}`),
    involvedObject: about,
    type: "Normal",
    reason,
    source: { component: "fetcher" }
  })
}

const isServed = (world: World) => world.pod("warm-1")?.metadata.labels?.["fission.io/served"] === "true"

const eventCalls = (world: World) =>
  world.api.lines().filter((line) => / events/u.test(line) && !line.startsWith("create"))

describe("W23: Events about web sockets", () => {
  it.effect("keep a pod that nobody asks for, until it has none any more; then it goes as an idle one, at once", () =>
    Effect.gen(function* () {
      const world = yield* short()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* settle
          says(world, "WsConnectionStarted")
          yield* TestClock.adjust("20 minutes")
          assert.isTrue(isServed(world))
          says(world, "NoActiveConnections")
          yield* TestClock.adjust("6 seconds")
          assert.isFalse(isServed(world))
          yield* TestClock.adjust("30 seconds")
          assert.isUndefined(world.pod("warm-1"))
          assert.deepStrictEqual(yield* groundsOf("warm-1"), ["Idle"])
        })
      )
    })
  )

  it.effect("are not watched with internal auth on, where no fetcher can write them", () =>
    Effect.gen(function* () {
      const world = yield* short({ FISSION_INTERNAL_AUTH_SECRET: "secret" })
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(eventCalls(world), [])
        })
      )
    })
  )

  it.effect("are not watched before there is a pod of a function", () =>
    Effect.gen(function* () {
      const world = yield* short()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* settle
          assert.deepStrictEqual(eventCalls(world), [])
          yield* request(world.function)
          yield* settle
          assert.sameMembers(eventCalls(world), [
            "list events default",
            "list events default",
            "watch events default",
            "watch events default"
          ])
        })
      )
    })
  )

  it.effect("of an earlier pod of the same name say nothing", () =>
    Effect.gen(function* () {
      const world = yield* short()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* settle
          says(world, "WsConnectionStarted", "00000000-0000-4000-8000-999999999999")
          yield* TestClock.adjust("20 seconds")
          assert.isFalse(isServed(world))
        })
      )
    })
  )

  it.effect("C29: keep a pod no longer than an hour after it was last used", () =>
    Effect.gen(function* () {
      const world = yield* short()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* settle
          says(world, "WsConnectionStarted")
          yield* TestClock.adjust("59 minutes")
          assert.isTrue(isServed(world))
          yield* TestClock.adjust("70 seconds")
          assert.isFalse(isServed(world))
        })
      )
    })
  )

  it.effect("leave a pod alone that was asked for after its last web socket had ended", () =>
    Effect.gen(function* () {
      const world = yield* short()
      yield* running(
        world,
        Effect.gen(function* () {
          const service = yield* ask(world.function)
          says(world, "WsConnectionStarted")
          yield* settle
          says(world, "NoActiveConnections")
          yield* TestClock.adjust("3 seconds")
          yield* (yield* ask(world.function)).release
          yield* service.release
          yield* TestClock.adjust("8 seconds")
          assert.isTrue(isServed(world))
        })
      )
    })
  )

  it.effect("that were there at the start keep pods, and end none", () =>
    Effect.gen(function* () {
      const world = yield* short()
      yield* running(world, Effect.andThen(request(world.function), settle))
      says(world, "NoActiveConnections")
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("8 seconds")
          assert.isTrue(isServed(world))
        })
      )
      says(world, "WsConnectionStarted")
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("1 minute")
          assert.isTrue(isServed(world))
        })
      )
    })
  )
})
