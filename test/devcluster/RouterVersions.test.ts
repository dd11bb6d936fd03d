import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, type Scope } from "effect"
import { HttpTriggers } from "../../src/devcluster/router/HttpTriggers.ts"
import { versionBehind } from "../../src/devcluster/router/Versions.ts"
import { FunctionAliases, Functions, FunctionVersions } from "../../src/fission/ResourceKind.ts"
import { echoingPod, executorThat, next, startRouter, triggerOf } from "./RouterFixture.ts"

/** Test with virtual time and real sockets. */
const test = (name: string, body: Effect.Effect<void, unknown, Scope.Scope>) => it.effect(name, () => body)

const metadata = (name: string) => ({ namespace: "default", name })

/** A router before an executor, with versions 1 and 2 of the function `hello`, and aliases with these specs. */
const startWith = (aliases: { readonly [name: string]: object }, triggers: { readonly [name: string]: object } = {}) =>
  Effect.gen(function* () {
    const pod = yield* echoingPod
    const executor = yield* executorThat((_, response) => response.end(pod.address))
    const router = yield* startRouter(executor, { triggers })
    const functionUID = router.api.find(Functions, metadata("hello"))?.metadata.uid
    for (const sequence of [1, 2]) {
      router.api.put(FunctionVersions, {
        metadata: metadata(`hello-v${sequence}`),
        spec: {
          functionName: "hello",
          functionUID,
          functionGeneration: sequence,
          snapshot: {
            environment: metadata("nodejs"),
            InvokeStrategy: { ExecutionStrategy: { ExecutorType: "poolmgr" } },
            concurrency: sequence
          }
        }
      })
    }
    for (const [name, spec] of Object.entries(aliases))
      router.api.put(FunctionAliases, { metadata: metadata(name), spec })
    /** Asks until the router has seen all of it. */
    const ask = (path: string, status: number) =>
      Effect.repeat(router.ask(path), { until: (answer) => answer.status === status })
    /** The Function with which the executor was asked next. */
    const asked = Effect.map(next(executor.received, "/v2/getServiceForFunction"), ({ body }) => JSON.parse(body))
    return { ...router, ask, asked, executor }
  })

const prod = { functionName: "hello", version: "hello-v1" }

describe("a router that resolves versions and aliases (newdeploy-and-container.md section 17)", () => {
  test(
    "sends the projection of the version that an alias leads to",
    Effect.gen(function* () {
      const router = yield* startWith({ prod })
      assert.strictEqual(
        (yield* router.ask("/fission-function/hello:prod/some/path?a=1", 201)).text,
        "GET /some/path?a=1 "
      )
      const live = router.api.find(Functions, metadata("hello"))
      const sent = yield* router.asked
      assert.strictEqual(sent.metadata.uid, live?.metadata.uid)
      assert.strictEqual(sent.metadata.generation, 1)
      assert.deepStrictEqual(sent.metadata.labels, { team: "a", "fission.io/function-version": "hello-v1" })
      assert.strictEqual(sent.spec.concurrency, 1)
      assert.isUndefined(sent.spec.somethingNew)
    })
  )

  test(
    "follows an alias that moves, from the next request on, and leaves the bare name to the function as it is",
    Effect.gen(function* () {
      const router = yield* startWith({ prod })
      yield* router.ask("/fission-function/default/hello:prod", 201)
      assert.strictEqual((yield* router.asked).spec.concurrency, 1)
      router.api.put(FunctionAliases, { metadata: metadata("prod"), spec: { ...prod, version: "hello-v2" } })
      let version = ""
      while (version !== "hello-v2") {
        yield* router.ask("/fission-function/default/hello:prod", 201)
        version = (yield* router.asked).metadata.labels["fission.io/function-version"]
      }
      yield* router.ask("/fission-function/default/hello", 201)
      assert.deepStrictEqual((yield* router.asked).metadata.labels, { team: "a" })
    })
  )

  test(
    "takes the alias or the version of a trigger",
    Effect.gen(function* () {
      const named = (reference: object) =>
        triggerOf({
          relativeurl: "/" + Object.values(reference)[0],
          functionref: { type: "name", name: "hello", ...reference }
        })
      const router = yield* startWith(
        { prod },
        { alias: named({ alias: "prod" }), pinned: named({ version: "hello-v2" }) }
      )
      yield* router.ask("/prod", 201)
      assert.strictEqual((yield* router.asked).spec.concurrency, 1)
      yield* router.ask("/hello-v2", 201)
      assert.strictEqual((yield* router.asked).spec.concurrency, 2)
    })
  )

  for (const [what, alias, detail] of [
    ["to no version", { functionName: "hello", version: "hello-v9" }, "leads to no version"],
    ["to itself", { functionName: "hello", version: "broken" }, "leads to no version"],
    ["to another alias that leads back", { functionName: "hello", version: "back" }, "leads to no version"],
    ["to the version of another function", { functionName: "quick", version: "hello-v1" }, "leads to no version"]
  ] as const) {
    test(
      `answers 404 for an alias that leads ${what}, and asks nobody`,
      Effect.gen(function* () {
        const router = yield* startWith({ broken: alias, back: { functionName: "hello", version: "broken" }, prod })
        yield* router.ask("/fission-function/hello:prod", 201)
        const answer = yield* router.ask("/fission-function/hello:broken", 404)
        assert.include(answer.text, detail)
        yield* router.asked
        const others = (yield* Queue.clear(router.executor.received)).map(({ url }) => url)
        assert.notInclude(others, "/v2/getServiceForFunction")
      })
    )
  }

  test(
    "answers 404 for a version of a function that had the name before",
    Effect.gen(function* () {
      const router = yield* startWith({ prod })
      yield* router.ask("/fission-function/hello:prod", 201)
      router.api.merge(FunctionVersions, metadata("hello-v1"), { spec: { functionUID: "another" } })
      yield* router.ask("/fission-function/hello:prod", 404)
    })
  )
})

describe("an alias shares requests out by weight (resources.md section 6.3)", () => {
  const alias = (spec: object, status: object = {}) => ({
    metadata: metadata("prod"),
    spec: { functionName: "hello", ...spec },
    status
  })
  for (const [what, spec, status, shares] of [
    ["a tenth to its version", { version: "a", secondaryVersion: "b", weight: 10 }, {}, { a: 10, b: 90 }],
    ["nothing to its version", { version: "a", secondaryVersion: "b", weight: 0 }, {}, { b: 100 }],
    ["everything without a weight", { version: "a", secondaryVersion: "b" }, {}, { a: 100 }],
    ["everything without a second version", { version: "a" }, {}, { a: 100 }],
    [
      "by what its digest was resolved to",
      { secondaryVersion: "b", weight: 30 },
      { resolvedVersion: "a" },
      { a: 30, b: 70 }
    ],
    ["nowhere without either", {}, {}, { nowhere: 100 }]
  ] as const) {
    it.effect(what, () =>
      Effect.sync(() => {
        const counts: { [version: string]: number } = {}
        for (let hundredth = 0; hundredth < 100; hundredth++) {
          const version = versionBehind(alias(spec, status), "hello", hundredth / 100) ?? "nowhere"
          counts[version] = (counts[version] ?? 0) + 1
        }
        assert.deepStrictEqual(counts, shares)
      })
    )
  }
})

it.effect("a trigger with both an alias and a version cannot be read", () =>
  Effect.sync(() => {
    const functionref = { type: "name", name: "hello", alias: "prod", version: "hello-v1" }
    const decoded = HttpTriggers.decode({ metadata: metadata("both"), spec: { relativeurl: "/a", functionref } })
    assert.include(decoded._tag === "Failure" ? decoded.failure.message : "it was read", "both an alias and a version")
  })
)
