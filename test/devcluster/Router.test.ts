import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { channelKey, digestOf, verifySignature, verifyTimestamp } from "../../src/fission/RequestSignature.ts"
import { Functions, Pods, Services } from "../../src/fission/ResourceKind.ts"
import { echoingPod, executorThat, next, serve, startRouter } from "./RouterFixture.ts"

const get = "/v2/getServiceForFunction"
const unTap = "/v2/unTapService"

/** Test with virtual time and real sockets. */
const test = (name: string, body: Effect.Effect<void, unknown, Scope.Scope>) => it.effect(name, () => body)

describe("a request to a poolmgr function", () => {
  test(
    "goes to the address of the executor, whole, and comes back whole",
    Effect.gen(function* () {
      const pod = yield* echoingPod
      const executor = yield* executorThat((_, response) => response.end(pod.address))
      const router = yield* startRouter(executor)
      const answer = yield* router.ask("/fission-function/hello/a/b?c=d&e=f", {
        method: "PUT",
        body: "content",
        headers: { "x-given": "yes", "x-fission-request-id": "id-1" }
      })
      assert.deepStrictEqual(
        [answer.status, answer.text, answer.headers.get("x-from"), answer.headers.get("x-fission-request-id")],
        [201, "PUT /a/b?c=d&e=f content", "pod", "id-1"]
      )
      const stored = router.api.find(Functions, { namespace: "default", name: "hello" })
      const { headers } = yield* Queue.take(pod.received)
      assert.strictEqual(headers["x-given"], "yes")
      assert.strictEqual(headers["x-fission-function-name"], "hello")
      assert.strictEqual(headers["x-fission-function-namespace"], "default")
      assert.strictEqual(headers["x-fission-function-uid"], stored?.metadata.uid)
      assert.strictEqual(headers["x-fission-function-resourceversion"], stored?.metadata.resourceVersion)
      assert.strictEqual(headers["x-fission-full-url"], "/fission-function/hello/a/b?c=d&e=f")
      assert.strictEqual(headers["x-fission-request-id"], "id-1")
    })
  )

  test(
    "asks with the whole Function and gives the slot back once",
    Effect.gen(function* () {
      const pod = yield* echoingPod
      const executor = yield* executorThat((_, response) => response.end(pod.address))
      const router = yield* startRouter(executor)
      yield* router.ask("/fission-function/hello", { headers: { "x-fission-request-id": "id-1" } })
      yield* router.ask("/fission-function/hello")
      const asked = yield* Queue.take(executor.received)
      const stored = router.api.find(Functions, { namespace: "default", name: "hello" })
      assert.strictEqual(asked.url, get)
      assert.deepStrictEqual(JSON.parse(asked.body), stored)
      assert.strictEqual(asked.headers["x-fission-request-id"], "id-1")
      const rest = yield* Effect.all([1, 2, 3].map(() => Queue.take(executor.received)))
      assert.deepStrictEqual(rest.map(({ url }) => url).sort(), [get, unTap, unTap])
      const given: unknown = JSON.parse(rest.find(({ url }) => url === unTap)?.body ?? "")
      assert.deepStrictEqual(given, {
        FnMetadata: stored?.metadata,
        FnExecutorType: "poolmgr",
        ServiceURL: pod.address
      })
    })
  )

  test(
    "is resolved again when its pod refuses the connection, each slot given back",
    Effect.gen(function* () {
      const pod = yield* echoingPod
      const executor = yield* executorThat((attempt, response) =>
        response.end(attempt === 1 ? "127.0.0.1:1" : pod.address)
      )
      const router = yield* startRouter(executor)
      const asking = yield* Effect.forkChild(router.ask("/fission-function/hello", { method: "POST", body: "kept" }))
      const first = yield* next(executor.received, unTap)
      assert.strictEqual(Object(JSON.parse(first.body)).ServiceURL, "127.0.0.1:1")
      while (asking.pollUnsafe() === undefined) {
        yield* TestClock.adjust("50 millis")
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      assert.strictEqual((yield* Fiber.join(asking)).text, "POST / kept")
      assert.strictEqual(Object(JSON.parse((yield* next(executor.received, unTap)).body)).ServiceURL, pod.address)
    })
  )

  test(
    "gives its slot back when the client leaves, and drops the pod's connection",
    Effect.gen(function* () {
      const dropped = yield* Queue.unbounded<void>()
      const pod = yield* serve((_, response) => response.on("close", () => Queue.offerUnsafe(dropped, undefined)))
      const executor = yield* executorThat((_, response) => response.end(pod.address))
      const router = yield* startRouter(executor)
      const asking = yield* Effect.forkChild(router.ask("/fission-function/hello"))
      yield* Queue.take(pod.received)
      yield* Fiber.interrupt(asking)
      yield* Queue.take(dropped)
      yield* next(executor.received, unTap)
      assert.strictEqual(yield* Queue.size(executor.received), 0)
    })
  )

  test(
    "ends with 504 after the function's time",
    Effect.gen(function* () {
      const pod = yield* serve(() => {})
      const executor = yield* executorThat((_, response) => response.end(pod.address))
      const router = yield* startRouter(executor)
      const asking = yield* Effect.forkChild(router.ask("/fission-function/hello"))
      yield* Queue.take(pod.received)
      yield* TestClock.adjust("60 seconds")
      const answer = yield* Fiber.join(asking)
      assert.strictEqual(answer.status, 504)
      yield* next(executor.received, unTap)
    })
  )

  test(
    "is a 502 when the pod drops the connection, and not sent again",
    Effect.gen(function* () {
      const pod = yield* serve((_, __, raw) => raw.socket.destroy())
      const executor = yield* executorThat((_, response) => response.end(pod.address))
      const router = yield* startRouter(executor)
      const answer = yield* router.ask("/fission-function/hello")
      assert.strictEqual(answer.status, 502)
      assert.strictEqual(yield* Queue.size(pod.received), 1)
    })
  )

  test(
    "is signed when there is a secret",
    Effect.gen(function* () {
      const pod = yield* echoingPod
      const executor = yield* executorThat((_, response) => response.end(pod.address))
      const router = yield* startRouter(executor, { secret: "secret" })
      yield* router.ask("/fission-function/hello")
      const { body, headers, method, url } = yield* Queue.take(executor.received)
      const timestamp = verifyTimestamp(headers, 0)
      if ("refusal" in timestamp) return assert.fail(timestamp.refusal)
      const signed = { method, target: url, bodyDigest: digestOf(body) }
      const key = channelKey("secret", "executor")
      assert.isTrue(verifySignature([key], signed, timestamp.unixSeconds, timestamp.signature))
    })
  )
})

describe("which function a path means", () => {
  for (const [path, namespace, seen] of [
    ["/fission-function/hello", "default", "/"],
    ["/fission-function/hello/", "default", "/"],
    ["/fission-function/hello/hello", "default", "/hello"],
    ["/fission-function/team-a/hello", "team-a", "/"],
    ["/fission-function/team-a/hello/x?y", "team-a", "/x?y"]
  ] as const) {
    test(
      path,
      Effect.gen(function* () {
        const pod = yield* echoingPod
        const executor = yield* executorThat((_, response) => response.end(pod.address))
        const router = yield* startRouter(executor)
        yield* router.ask(path)
        const { headers, url } = yield* Queue.take(pod.received)
        assert.deepStrictEqual([headers["x-fission-function-namespace"], url], [namespace, seen])
      })
    )
  }

  test(
    "an unknown function, namespace or path is a 404 and never asked for",
    Effect.gen(function* () {
      const executor = yield* executorThat((_, response) => response.end("127.0.0.1:1"))
      const router = yield* startRouter(executor)
      for (const path of ["/fission-function/none", "/fission-function/other/hello", "/fission-function/", "/hello"]) {
        const answer = yield* router.ask(path)
        assert.strictEqual(answer.status, 404)
        const { component, reason, requestId } = Object(JSON.parse(answer.text))
        assert.deepStrictEqual([component, reason], ["router", "function_not_found"])
        assert.strictEqual(requestId, answer.headers.get("x-fission-request-id"))
      }
      assert.strictEqual(yield* Queue.size(executor.received), 0)
    })
  )
})

describe("what the end user sees of the executor's refusals (http-api.md section 10.4)", () => {
  for (const [status, attempts, seen, reason] of [
    [429, 5, 429, "capacity_exceeded"],
    [503, 5, 500, "specialization_failed"],
    [404, 1, 500, "specialization_failed"],
    [400, 1, 500, "specialization_failed"]
  ] as const) {
    test(
      `${status} after ${attempts} attempts`,
      Effect.gen(function* () {
        const executor = yield* executorThat((_, response) =>
          response.writeHead(status, { "retry-after": "0" }).end("why")
        )
        const router = yield* startRouter(executor)
        const asking = yield* Effect.forkChild(router.ask("/fission-function/hello"))
        while (asking.pollUnsafe() === undefined) {
          yield* TestClock.adjust(0)
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        }
        const answer = yield* Fiber.join(asking)
        assert.strictEqual(answer.status, seen)
        assert.strictEqual(Object(JSON.parse(answer.text)).component, "executor")
        assert.strictEqual(Object(JSON.parse(answer.text)).reason, reason)
        assert.strictEqual(yield* Queue.size(executor.received), attempts)
      })
    )
  }

  test(
    "500 when there is no address within the function's time",
    Effect.gen(function* () {
      const executor = yield* executorThat(() => {})
      const router = yield* startRouter(executor)
      const asking = yield* Effect.forkChild(router.ask("/fission-function/quick"))
      yield* Queue.take(executor.received)
      yield* TestClock.adjust("3 seconds")
      const answer = yield* Fiber.join(asking)
      assert.strictEqual(answer.status, 500)
      assert.strictEqual(Object(JSON.parse(answer.text)).reason, "specialization_failed")
    })
  )

  test(
    "an executor that was away is asked again",
    Effect.gen(function* () {
      const pod = yield* echoingPod
      const executor = yield* executorThat((attempt, response) => {
        if (attempt === 1) response.destroy()
        else response.end(pod.address)
      })
      const router = yield* startRouter(executor)
      const asking = yield* Effect.forkChild(router.ask("/fission-function/hello"))
      while (asking.pollUnsafe() === undefined) {
        yield* TestClock.adjust("1 second")
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      assert.strictEqual((yield* Fiber.join(asking)).status, 201)
    })
  )
})

describe("a request to a function that has a Service", () => {
  test(
    "asks once a minute, is tapped in between, and never un-tapped",
    Effect.gen(function* () {
      const pod = yield* echoingPod
      const executor = yield* executorThat((_, response) => response.end(pod.address))
      const router = yield* startRouter(executor)
      for (const _ of [1, 2, 3]) yield* router.ask("/fission-function/deployed")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Queue.take(executor.received)).url, get)
      const tapped = yield* Queue.take(executor.received)
      const metadata = router.api.find(Functions, { namespace: "default", name: "deployed" })?.metadata
      assert.strictEqual(tapped.url, "/v2/tapServices")
      assert.deepStrictEqual(JSON.parse(tapped.body), [
        {
          FnMetadata: {
            name: "deployed",
            namespace: "default",
            uid: metadata?.uid,
            resourceVersion: metadata?.resourceVersion
          },
          FnExecutorType: "newdeploy",
          ServiceURL: `http://${pod.address}`
        }
      ])
      yield* TestClock.adjust("1 minute")
      yield* router.ask("/fission-function/deployed")
      assert.strictEqual((yield* Queue.take(executor.received)).url, get)
    })
  )

  test(
    "goes to a pod behind the name of the Service that is ready, and waits for one",
    Effect.gen(function* () {
      const pod = yield* echoingPod
      const executor = yield* executorThat((_, response) => response.end("web.default.svc.cluster.local."))
      const router = yield* startRouter(executor)
      const labels = { executorType: "newdeploy", functionName: "deployed" }
      const [host = "", port] = pod.address.split(":")
      router.api.put(Services, {
        metadata: { name: "web", namespace: "default", labels },
        spec: { selector: labels, ports: [{ port: 80, targetPort: Number(port) }] }
      })
      const status = (podIP: string, ready: boolean) => ({
        phase: "Running",
        podIP,
        containerStatuses: [{ name: "c", ready }]
      })
      const containers = [{ name: "c" }]
      const metadata = { namespace: "default", labels }
      router.api.put(Pods, {
        metadata: { ...metadata, name: "unready" },
        spec: { containers },
        status: status("127.0.0.9", false)
      })
      const asking = yield* Effect.forkChild(router.ask("/fission-function/deployed/path"))
      assert.strictEqual((yield* Queue.take(executor.received)).url, get)
      router.api.put(Pods, {
        metadata: { ...metadata, name: "ready" },
        spec: { containers },
        status: status(host, true)
      })
      while (asking.pollUnsafe() === undefined) {
        yield* TestClock.adjust("1 second")
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      const { status: code, text } = yield* Fiber.join(asking)
      assert.deepStrictEqual([code, text], [201, "GET /path "])
    })
  )
})
