import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { echoingPod, executorThat, next, type Received, serve, startRouter } from "./RouterFixture.ts"

const get = "/v2/getServiceForFunction"
const ensure = "/v2/ensureCapacity"
const tap = "/v2/tapServices"
const unTap = "/v2/unTapService"
const path = "/fission-function/hello"

/** Test with virtual time and real sockets. */
const test = (name: string, body: Effect.Effect<void, unknown, Scope.Scope>) => it.effect(name, () => body)

/** What an executor was asked so far. */
const urls = (queue: Queue.Queue<Received>) =>
  Effect.map(Queue.clear(queue), (requests) => requests.map(({ url }) => url))

/** A pod that answers when the test lets it. */
const slowPod = Effect.gen(function* () {
  const answers: Array<() => void> = []
  const pod = yield* serve((_, response) => void answers.push(() => response.end("slow")))
  return { ...pod, answer: () => answers.shift()?.() }
})

describe("a router that knows the EndpointSlices (http-api.md section 10.2)", () => {
  test(
    "uses a ready endpoint without asking, and taps it in its next batch",
    Effect.gen(function* () {
      const pod = yield* echoingPod
      const executor = yield* executorThat((_, response) => response.writeHead(500).end())
      const router = yield* startRouter(executor, { endpoints: { [pod.address]: true } })
      assert.strictEqual((yield* router.ask(path)).status, 201)
      assert.strictEqual((yield* router.ask(path)).status, 201)
      assert.deepStrictEqual(yield* urls(executor.received), [])
      yield* TestClock.adjust("5 seconds")
      const batch = yield* Queue.take(executor.received)
      assert.strictEqual(batch.url, tap)
      const [entry, ...others] = JSON.parse(batch.body)
      assert.deepStrictEqual(others, [])
      assert.deepInclude(entry, { FnExecutorType: "poolmgr", ServiceURL: `http://${pod.address}` })
    })
  )

  test(
    "asks for a pod where no endpoint is ready, and gives it back",
    Effect.gen(function* () {
      const pod = yield* echoingPod
      const executor = yield* executorThat((_, response) => response.end(pod.address))
      const router = yield* startRouter(executor, { endpoints: { "127.0.0.1:1": false } })
      assert.strictEqual((yield* router.ask(path)).status, 201)
      assert.strictEqual((yield* Queue.take(executor.received)).url, get)
      assert.strictEqual((yield* Queue.take(executor.received)).url, unTap)
    })
  )

  test(
    "asks for one more pod while every endpoint has as many requests as it may have",
    Effect.gen(function* () {
      const [slow, pod] = [yield* slowPod, yield* echoingPod]
      const executor = yield* serve((request, response) => {
        response.end(request.url === ensure ? pod.address : "")
      })
      const router = yield* startRouter(executor, { endpoints: { [slow.address]: true } })
      const first = yield* Effect.forkChild(router.ask(path))
      yield* Queue.peek(slow.received)
      assert.strictEqual((yield* router.ask(path)).status, 201)
      const asked = yield* next(executor.received, ensure)
      assert.deepInclude(JSON.parse(asked.body), { observedReadyEndpoints: 1, observedBusyEndpoints: 1 })
      yield* next(executor.received, unTap)
      slow.answer()
      assert.strictEqual((yield* Fiber.join(first)).text, "slow")
      const again = yield* Effect.forkChild(router.ask(path))
      yield* Queue.take(slow.received)
      yield* Queue.take(slow.received)
      slow.answer()
      assert.strictEqual((yield* Fiber.join(again)).text, "slow")
      assert.notInclude(yield* urls(executor.received), ensure)
    })
  )

  test(
    "asks for any pod where the executor does not know of ensureCapacity",
    Effect.gen(function* () {
      const [slow, pod] = [yield* slowPod, yield* echoingPod]
      const executor = yield* serve((request, response) => {
        if (request.url === ensure) response.writeHead(404).end()
        else response.end(pod.address)
      })
      const router = yield* startRouter(executor, { endpoints: { [slow.address]: true } })
      yield* Effect.forkChild(router.ask(path))
      yield* Queue.take(slow.received)
      assert.strictEqual((yield* router.ask(path)).status, 201)
      yield* next(executor.received, get)
    })
  )

  test(
    "tries another endpoint where one refuses the connection",
    Effect.gen(function* () {
      const pod = yield* echoingPod
      const executor = yield* executorThat((_, response) => response.writeHead(500).end())
      const router = yield* startRouter(executor, { endpoints: { "127.0.0.1:1": true, [pod.address]: true } })
      const asked = yield* Effect.forkChild(router.ask(path))
      while (asked.pollUnsafe() === undefined) yield* TestClock.adjust("50 millis")
      assert.strictEqual((yield* Fiber.join(asked)).status, 201)
      assert.notInclude(yield* urls(executor.received), get)
    })
  )

  for (const [what, hello] of [
    ["onceOnly", { spec: { onceOnly: true } }],
    ["strict", { metadata: { annotations: { "fission.io/concurrency-enforcement": "strict" } } }]
  ] as const) {
    test(
      `always asks for a function that is ${what}`,
      Effect.gen(function* () {
        const pod = yield* echoingPod
        const executor = yield* executorThat((_, response) => response.end(pod.address))
        const router = yield* startRouter(executor, { endpoints: { [pod.address]: true }, hello })
        assert.strictEqual((yield* router.ask(path)).status, 201)
        assert.strictEqual((yield* Queue.take(executor.received)).url, get)
      })
    )
  }
})
