import { request } from "node:http"
import { assert, it } from "@effect/vitest"
import { Effect, Queue, type Scope } from "effect"
import { HttpTriggers } from "../../src/devcluster/router/HttpTriggers.ts"
import { echoingPod, executorThat, startRouter, triggerOf } from "./RouterFixture.ts"

/** Test with virtual time and real sockets. */
const test = (name: string, body: Effect.Effect<void, unknown, Scope.Scope>) => it.effect(name, () => body)

const startWith = (triggers: { readonly [name: string]: object }) =>
  Effect.gen(function* () {
    const pod = yield* echoingPod
    const executor = yield* executorThat((_, response) => response.end(pod.address))
    return { pod, executor, ...(yield* startRouter(executor, { triggers })) }
  })

test(
  "a relative URL goes to its function, which sees / and the parameters as headers",
  Effect.gen(function* () {
    const router = yield* startWith({ one: triggerOf({ relativeurl: "/books/{Title}/{page:[0-9]+}" }) })
    const answer = yield* router.ask("/books/a%20b/7?c=d", { method: "PUT", body: "content" })
    assert.deepStrictEqual([answer.status, answer.text], [201, "PUT /?c=d content"])
    const { headers } = yield* Queue.take(router.pod.received)
    assert.strictEqual(headers["x-fission-params-title"], "a b")
    assert.strictEqual(headers["x-fission-params-page"], "7")
    assert.strictEqual(headers["x-fission-function-name"], "hello")
    assert.strictEqual(headers["x-fission-full-url"], "/books/a%20b/7?c=d")
  })
)

test(
  "a prefix goes to its function with what follows, or whole when it is to be kept",
  Effect.gen(function* () {
    const router = yield* startWith({
      cut: triggerOf({ prefix: "/api/" }),
      kept: triggerOf({ prefix: "/site", keepPrefix: true })
    })
    const seen = yield* Effect.forEach(["/api", "/api/a/b?c", "/site/x"], (path) => router.ask(path))
    assert.deepStrictEqual(
      seen.map(({ text }) => text),
      ["GET / ", "GET /a/b?c ", "GET /site/x "]
    )
    assert.strictEqual((yield* router.ask("/apiary")).status, 404)
  })
)

test(
  "a path that matches for other methods alone is a 405",
  Effect.gen(function* () {
    const router = yield* startWith({
      read: triggerOf({ relativeurl: "/thing", methods: ["GET", "HEAD"] }),
      write: triggerOf({ relativeurl: "/thing", method: "POST" })
    })
    const statuses = yield* Effect.forEach(["GET", "POST", "DELETE"], (method) => router.ask("/thing", { method }))
    assert.deepStrictEqual(
      statuses.map(({ status }) => status),
      [201, 201, 405]
    )
  })
)

test(
  "a host is compared without its port and its case",
  Effect.gen(function* () {
    const router = yield* startWith({ one: triggerOf({ relativeurl: "/thing", host: "Shop.example.com" }) })
    const statusFor = (host: string) =>
      Effect.promise(
        () =>
          new Promise((resolve, reject) => {
            const outgoing = request(`${router.url}/thing`, { headers: { host } }, (incoming) => {
              incoming.resume()
              resolve(incoming.statusCode)
            })
            outgoing.on("error", reject).end()
          })
      )
    assert.deepStrictEqual(yield* Effect.forEach(["shop.EXAMPLE.com:8080", "other.example.com"], statusFor), [201, 404])
  })
)

test(
  "weights decide between functions, and 0 means never",
  Effect.gen(function* () {
    const functionref = { type: "function-weights", functionweights: { gone: 0, hello: 100 } }
    const router = yield* startWith({ one: { functionref, relativeurl: "/thing" } })
    const statuses = yield* Effect.forEach([1, 2, 3, 4, 5, 6], () => router.ask("/thing"))
    assert.isTrue(statuses.every(({ status }) => status === 201))
  })
)

test(
  "a trigger to a function that does not exist is a 404",
  Effect.gen(function* () {
    const router = yield* startWith({
      one: triggerOf({ relativeurl: "/thing", functionref: { type: "name", name: "gone" } })
    })
    const answer = yield* router.ask("/thing")
    assert.deepStrictEqual([answer.status, Object(JSON.parse(answer.text)).reason], [404, "function_not_found"])
  })
)

test(
  "a trigger counts from its creation to its deletion",
  Effect.gen(function* () {
    const router = yield* startWith({})
    const until = (status: number) =>
      Effect.gen(function* () {
        while ((yield* router.ask("/thing")).status !== status) continue
      })
    yield* until(404)
    const metadata = { name: "late", namespace: "default" }
    router.api.put(HttpTriggers, { metadata, spec: triggerOf({ relativeurl: "/thing" }) })
    yield* until(201)
    router.api.remove(HttpTriggers, metadata)
    yield* until(404)
  })
)
