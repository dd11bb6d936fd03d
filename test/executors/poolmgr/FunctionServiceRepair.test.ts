import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { TestClock } from "effect/testing"
import { labels } from "../../../src/fission/Labels.ts"
import { Environments, Services } from "../../../src/fission/ResourceKind.ts"
import { objectOf } from "../../../src/podspec/Json.ts"
import * as CapturedLog from "../../fakes/CapturedLog.ts"
import { ask, running, writes } from "../../fakes/ExecutorInMemory.ts"
import * as Failures from "../../fakes/Failures.ts"
import { calls, led, only, reference, request, selectorOf, served, services, shown } from "./ServedWorld.ts"

describe("a Service that somebody touches", () => {
  it.effect("comes back when it is deleted, also right after it was made", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* shown
          world.api.remove(Services, reference(only(world).metadata.name))
          yield* shown
          assert.deepStrictEqual(led(world, only(world)), ["warm-1"])
        })
      )
    })
  )

  it.effect("gets its selector back by one guarded PUT, and keeps what is not ours", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* shown
          const before = only(world)
          world.api.merge(Services, reference(before.metadata.name), {
            metadata: { labels: { team: "a" } },
            spec: { selector: { [labels.served]: null }, publishNotReadyAddresses: true }
          })
          yield* shown
          const { metadata, spec } = only(world)
          assert.deepStrictEqual(spec, { ...objectOf(before["spec"]), publishNotReadyAddresses: true })
          assert.strictEqual(metadata.labels?.["team"], "a")
          const [update, ...others] = world.sent.filter(
            ({ resource, verb }) => resource === "services" && verb === "update"
          )
          assert.deepStrictEqual(others, [])
          assert.isString(objectOf(update?.body["metadata"])["resourceVersion"])
        })
      )
    })
  )

  it.effect("is left as it is where labels of others come and go", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* shown
          const before = calls(world).length
          world.api.merge(Services, reference(only(world).metadata.name), { metadata: { labels: { team: "a" } } })
          yield* TestClock.adjust("20 seconds")
          assert.strictEqual(calls(world).length, before)
        })
      )
    })
  )

  it.effect("is written from its newest form after a conflict", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* shown
          const { name } = only(world).metadata
          let touched = 0
          world.api.intercept((call) => {
            if (call.verb !== "update" || call.resource !== "services" || touched++ > 0) return undefined
            world.api.merge(Services, reference(name), { metadata: { labels: { team: "a" } } })
            return undefined
          })
          world.api.merge(Services, reference(name), { spec: { selector: { [labels.served]: null } } })
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(touched, 2)
          assert.strictEqual(only(world).metadata.labels?.["team"], "a")
          assert.strictEqual(selectorOf(only(world))[labels.served], "true")
        })
      )
    })
  )

  it.effect(
    "and is somebody else's is reported once, left alone, and costs no request; when it is gone ours comes",
    () =>
      Effect.gen(function* () {
        const log = yield* CapturedLog.make
        const world = yield* served({}, { idletimeout: 3600, functionTimeout: 3600 }, log)
        yield* running(
          world,
          Effect.gen(function* () {
            yield* request(world.function)
            yield* shown
            const { name } = only(world).metadata
            world.api.remove(Services, reference(name))
            const foreign = world.api.put(Services, {
              metadata: { ...reference(name), labels: { app: "other" } },
              spec: { selector: { app: "other" }, ports: [{ port: 80 }] }
            })
            yield* TestClock.adjust("4 minutes")
            yield* request(world.function)
            assert.deepStrictEqual(world.api.find(Services, reference(name)), foreign)
            const reports = log.of("default", "Warn").filter(({ fields }) => fields["error"] === "KubernetesFatalError")
            assert.lengthOf(reports, 1)
            assert.include(
              String(reports[0]?.fields["detail"]),
              `create services default/${name}: a Service of this name exists`
            )
            world.api.remove(Services, reference(name))
            yield* TestClock.adjust("12 minutes")
            assert.deepStrictEqual(led(world, only(world)), ["warm-1"])
          })
        )
      })
  )
})

describe("a Service and trouble of the API", () => {
  it.effect("P12: a POST that fails is sent again with back-off, while requests are answered", () =>
    Effect.gen(function* () {
      const world = yield* served({}, { idletimeout: 3600 })
      yield* running(
        world,
        Effect.gen(function* () {
          world.api.intercept((call) =>
            call.resource === "services" && call.verb === "create" ? Effect.fail(Failures.etcdTimeout(call)) : undefined
          )
          yield* request(world.function)
          yield* TestClock.adjust("1 minute")
          assert.isTrue(Result.isSuccess(yield* Effect.result(request(world.function))))
          assert.deepStrictEqual(services(world), [])
          world.api.intercept()
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(led(world, only(world)), ["warm-1"])
        })
      )
    })
  )

  it.effect("P12: a POST whose answer was lost makes one Service, which is recognized", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          world.api.interceptAnswers((call) =>
            call.resource === "services" && call.verb === "create"
              ? Effect.fail(Failures.connectionReset(call))
              : undefined
          )
          yield* request(world.function)
          yield* TestClock.adjust("10 seconds")
          assert.deepStrictEqual(led(world, only(world)), ["warm-1"])
          assert.notInclude(calls(world).join("\n"), "update")
        })
      )
    })
  )

  it.effect("where Services may not be listed nothing is written, and functions are served all the same", () =>
    Effect.gen(function* () {
      const world = yield* served({}, { idletimeout: 3600 })
      world.api.intercept((call) => (call.resource === "services" ? Effect.fail(Failures.forbidden(call)) : undefined))
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* TestClock.adjust("1 minute")
          assert.strictEqual((yield* ask(world.function)).address, "10.0.0.1:8888")
          assert.deepStrictEqual(calls(world), [])
          world.api.intercept()
          yield* TestClock.adjust("7 minutes")
          assert.deepStrictEqual(led(world, only(world)), ["warm-1"])
        })
      )
    })
  )

  it.effect("a restart writes nothing, neither over ours nor over what the stock executor made (section 15)", () =>
    Effect.gen(function* () {
      const world = yield* served({}, { idletimeout: 3600 })
      yield* running(world, Effect.andThen(request(world.function), shown))
      const { name } = only(world).metadata
      world.api.merge(Services, reference(name), { metadata: { annotations: { executorInstanceId: "stock-id" } } })
      const before = writes(world).length
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* TestClock.adjust("15 minutes")
          assert.deepStrictEqual(writes(world).slice(before), [])
          assert.strictEqual(only(world).metadata.annotations?.["executorInstanceId"], "stock-id")
        })
      )
    })
  )

  it.effect("an Environment that changes leaves the Service to the pods that still serve", () =>
    Effect.gen(function* () {
      const world = yield* served({}, { idletimeout: 3600 })
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* shown
          const before = calls(world).length
          world.api.merge(Environments, reference("nodejs"), { spec: { runtime: { image: "node-env:2" } } })
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(led(world, only(world)), ["warm-1"])
          assert.strictEqual(calls(world).length, before)
        })
      )
    })
  )
})
