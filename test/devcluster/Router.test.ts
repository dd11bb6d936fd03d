import { once } from "node:events"
import type { IncomingMessage, ServerResponse } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Queue, Redacted, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { Router } from "../../src/devcluster/Router.ts"
import { channelKey, digestOf, verifySignature, verifyTimestamp } from "../../src/fission/RequestSignature.ts"
import { Functions } from "../../src/fission/ResourceKind.ts"
import { listen, readBody } from "../../src/HttpListener.ts"
import * as KubernetesApiInMemory from "../fakes/KubernetesApiInMemory.ts"

/** A request that a server of this test has received. */
interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage["headers"]
  readonly body: string
}

/** A server on a free port; `received` gets every request once its body is there. */
const serve = (answer: (request: Received, response: ServerResponse, raw: IncomingMessage) => void) =>
  Effect.gen(function* () {
    const received = yield* Queue.unbounded<Received>()
    const { port } = yield* listen({ host: "127.0.0.1", port: 0, name: "test" }, (request, response) =>
      Effect.gen(function* () {
        const body = yield* Effect.orDie(readBody(request, 1_000_000))
        const { headers, method = "", url = "" } = request
        const seen = { method, url, headers, body: body.toString("utf8") }
        answer(seen, response, request)
        yield* Queue.offer(received, seen)
        yield* Effect.promise(() => (response.closed ? Promise.resolve([]) : once(response, "close")))
      })
    )
    return { address: `127.0.0.1:${port}`, received }
  })

/** An executor of this test: what it answers to `getServiceForFunction`, and everything that it was asked. */
const executorThat = (answer: (attempt: number, response: ServerResponse) => void) => {
  let attempts = 0
  return serve((request, response) => {
    if (request.url === "/v2/getServiceForFunction") answer(++attempts, response)
    else response.end()
  })
}

const functionOf = (name: string, changes: { readonly namespace?: string; readonly type?: string } = {}) => ({
  metadata: { name, namespace: changes.namespace ?? "default", labels: { team: "a" } },
  spec: {
    environment: { name: "nodejs", namespace: "default" },
    InvokeStrategy: { ExecutionStrategy: { ExecutorType: changes.type ?? "poolmgr" } },
    somethingNew: { kept: true }
  }
})

const startRouter = (executor: { readonly address: string }, secret?: string) =>
  Effect.gen(function* () {
    const api = yield* KubernetesApiInMemory.make({ namespaces: ["default", "team-a"] })
    const quick = functionOf("quick")
    api.put(Functions, functionOf("hello"))
    api.put(Functions, { ...quick, spec: { ...quick.spec, functionTimeout: 3 } })
    api.put(Functions, functionOf("deployed", { type: "newdeploy" }))
    api.put(Functions, functionOf("hello", { namespace: "team-a" }))
    const layer = Router.layer({
      host: "127.0.0.1",
      port: 0,
      executorUrl: `http://${executor.address}`,
      namespaces: ["default", "team-a"],
      ...(secret === undefined ? {} : { internalAuthSecret: Redacted.make(secret) })
    })
    const { url } = Context.get(yield* Layer.build(Layer.provide(layer, api.layer)), Router)
    const ask = (path: string, init?: RequestInit) =>
      Effect.promise(async (signal) => {
        const response = await fetch(`${url}${path}`, { signal, ...init })
        return { status: response.status, text: await response.text(), headers: response.headers }
      })
    while ((yield* ask("/fission-function/none")).status === 503) continue
    return { api, ask, url }
  })

/** Takes requests to the executor until one to this path. */
const next = (queue: Queue.Queue<Received>, url: string): Effect.Effect<Received> =>
  Effect.flatMap(Queue.take(queue), (request) => (request.url === url ? Effect.succeed(request) : next(queue, url)))

const get = "/v2/getServiceForFunction"
const unTap = "/v2/unTapService"
const echoingPod = serve((request, response) => {
  response.writeHead(201, { "x-from": "pod" }).end(`${request.method} ${request.url} ${request.body}`)
})

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
      const router = yield* startRouter(executor, "secret")
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
})
