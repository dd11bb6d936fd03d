import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it, layer } from "@effect/vitest"
import { Arbitrary, Cause, Context, Effect, Exit, Layer, Option, Result, Schema } from "effect"
import { Settings } from "../../src/Config.ts"
import * as Kinds from "../../src/fission/ResourceKind.ts"
import { classifyAnswer, classifyWatchError } from "../../src/kubernetes/Classify.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"
import { pullEvents } from "../../src/kubernetes/WatchLines.ts"
import { parsePodSpecPatch } from "../../src/PodSpecPatch.ts"
import { FetcherClient } from "../../src/specialization/FetcherClient.ts"
import { SpecializeError } from "../../src/specialization/PodRequests.ts"
import { json, mutated, mutatedBytes, mutatedText, serverOf } from "./Hostile.ts"

const metadata = {
  name: "a",
  namespace: "default",
  uid: "u-1",
  resourceVersion: "7",
  generation: 2,
  labels: { executorType: "poolmgr" },
  ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "b", uid: "u-2" }]
}

const samples: ReadonlyArray<readonly [Kinds.ResourceKind, Schema.Json]> = [
  [Kinds.Functions, { metadata, spec: { environment: { name: "e" }, concurrency: 1 }, status: { conditions: [] } }],
  [Kinds.Environments, { metadata, spec: { version: 3, runtime: { image: "i", podspec: {} }, poolsize: 1 } }],
  [Kinds.FunctionVersions, { metadata, spec: { functionName: "a", sequence: 1, snapshot: {} } }],
  [Kinds.FunctionAliases, { metadata, spec: { functionName: "a", version: "v1" } }],
  [Kinds.Packages, { metadata }],
  [Kinds.Pods, { metadata, spec: { containers: [{ name: "c" }] }, status: { podIP: "10.0.0.1", phase: "Running" } }],
  [Kinds.Deployments, { metadata, spec: { replicas: 1, template: {} }, status: { availableReplicas: 1 } }],
  [Kinds.Services, { metadata, spec: { selector: { a: "b" } } }],
  [
    Kinds.Leases,
    { metadata, spec: { holderIdentity: "x", leaseDurationSeconds: 15, renewTime: "2026-08-07T00:00:00Z" } }
  ]
]

describe("an object of the API server, whatever is in it,", () => {
  it.effect.prop(
    "is decoded or refused",
    samples.map(([, sample]) => mutated(sample)),
    (objects) =>
      Effect.sync(() => {
        for (const [index, [kind]] of samples.entries()) {
          const decoded = kind.decode(objects[index])
          if (Result.isFailure(decoded)) assert.strictEqual(decoded.failure._tag, "SchemaError")
          else assert.isString(decoded.success.metadata.name)
        }
      })
  )
})

const call = { verb: "list", resource: "pods", namespace: "default" } as const
const isKubernetesError = (error: { readonly _tag: string }) => error._tag.startsWith("Kubernetes")

describe("an answer of the API server", () => {
  const status = {
    kind: "Status",
    status: "Failure",
    reason: "Timeout",
    code: 504,
    details: { causes: [{ reason: "x" }] }
  }

  it.effect.prop(
    "other than success is an error of our own, with one line of at most 500 characters",
    [Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 100, maximum: 599 }))), mutated(status), json],
    ([code, body, retryAfter]) =>
      Effect.sync(() => {
        const headers = { "retry-after": JSON.stringify(retryAfter) }
        for (const error of [
          classifyAnswer(call, { status: code, headers, body: JSON.stringify(body) }),
          classifyAnswer(call, { status: code, headers, body: String(body) }),
          classifyWatchError(call, body)
        ]) {
          assert.isTrue(isKubernetesError(error))
          assert.isAtMost(error.detail.length, 500)
        }
      })
  )

  it.live("is a typed error, whatever comes over the wire", () =>
    Effect.gen(function* () {
      const list = JSON.stringify({ metadata: { resourceVersion: "7" }, items: [{ metadata }] })
      const whole = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${list.length}\r\n\r\n${list}`
      let answer: Uint8Array = Buffer.alloc(0)
      const port = yield* serverOf("127.0.0.1", 0, () => answer)
      const api = Context.get(
        yield* Layer.build(KubernetesApiLive.layer(Credentials.fromServer(`http://127.0.0.1:${port}`), "fuzz")),
        KubernetesApi
      )
      for (const bytes of yield* Arbitrary.sampleEffect(mutatedBytes(whole), { count: 100 })) {
        answer = bytes
        const exit = yield* Effect.exit(api.list(Kinds.Pods, { namespace: "default", deadline: "200 millis" }))
        if (Exit.isSuccess(exit)) continue
        const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
        assert.isTrue(error !== undefined && isKubernetesError(error), Cause.pretty(exit.cause))
      }
    })
  )
})

/** Chunks of a socket, one after the other. */
async function* chunksOf(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const drained = (chunks: AsyncIterator<Uint8Array>) => {
  const pull = pullEvents(call, chunks)
  return Effect.flip(Effect.forever(pull))
}

describe("the lines of a watch", () => {
  const event = (type: string) => JSON.stringify({ type, object: { metadata } })
  const stream = `${event("ADDED")}\n${event("MODIFIED")}\n${event("BOOKMARK")}\n`

  it.effect.prop(
    "end as a stream ends, or with an error of our own",
    [mutatedBytes(stream), Arbitrary.schema(Schema.Literals([1, 7, 64, 100_000]))],
    ([bytes, size]) =>
      Effect.map(drained(chunksOf(bytes, size)), (error) =>
        assert.isTrue(Cause.isDone(error) || isKubernetesError(error))
      )
  )

  it.effect("are held up to 16 MiB", () =>
    Effect.gen(function* () {
      let read = 0
      async function* endless() {
        const chunk = Buffer.alloc(1024 * 1024, "x")
        while (true) {
          read += chunk.length
          yield chunk
        }
      }
      const error = yield* drained(endless())
      assert.include(String(error), "has more than 16777216 bytes")
      assert.isAtMost(read, 18 * 1024 * 1024)
    })
  )
})

describe("a fetcher's answer", () => {
  it.live("is success or a typed error, whatever comes over the wire", () =>
    Effect.gen(function* () {
      const address = "127.88.7.1"
      let answer: Uint8Array = Buffer.alloc(0)
      yield* serverOf(address, 8000, () => answer)
      const whole = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 34\r\n\r\nerror getting package information:"
      for (const bytes of yield* Arbitrary.sampleEffect(mutatedBytes(whole), { count: 50 })) {
        answer = bytes
        const load = FetcherClient.use((fetcher) =>
          fetcher.specialize({ podAddress: address, body: {}, correlationId: "1" })
        )
        const exit = yield* Effect.exit(Effect.timeoutOption(load, "500 millis"))
        if (Exit.isSuccess(exit)) continue
        assert.instanceOf(Option.getOrUndefined(Cause.findErrorOption(exit.cause)), SpecializeError)
      }
    }).pipe(Effect.provide(FetcherClient.layer.pipe(Layer.provide(Layer.orDie(Settings.layer({}))))))
  )

  it.live("is read up to 4 KiB", () =>
    Effect.gen(function* () {
      const address = "127.88.7.2"
      const body = "x".repeat(8 * 1024 * 1024)
      const head = `HTTP/1.1 500 Internal Server Error\r\ncontent-length: ${body.length}\r\n\r\n`
      yield* serverOf(address, 8000, () => Buffer.from(head + body))
      const load = FetcherClient.use((fetcher) =>
        fetcher.specialize({ podAddress: address, body: {}, correlationId: "1" })
      )
      assert.strictEqual((yield* Effect.flip(load)).text.length, 4096)
    }).pipe(Effect.provide(FetcherClient.layer.pipe(Layer.provide(Layer.orDie(Settings.layer({}))))))
  )
})

class Folder extends Context.Service<Folder, { readonly path: string }>()("test/fuzz/Folder") {
  static readonly layer = Layer.effect(
    Folder,
    Effect.map(
      Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "fuzz-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true }))
      ),
      (path) => Folder.of({ path })
    )
  )
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: cluster
  cluster: {server: "https://127.0.0.1:1", certificate-authority-data: Q0E=}
users:
- name: user
  user: {token: canary-token}
contexts:
- name: context
  context: {cluster: cluster, user: user}
current-context: context
`

layer(Folder.layer)("a kubeconfig", (it) => {
  it.effect.prop(
    "is used or refused in one line, and its token is never part of that line",
    [mutatedText(kubeconfig)],
    ([text]) =>
      Effect.gen(function* () {
        const file = join((yield* Folder).path, "config")
        yield* Effect.promise(() => writeFile(file, text))
        const result = yield* Effect.result(Credentials.makeStore(Credentials.fromFile(file)))
        if (Result.isSuccess(result)) return
        assert.strictEqual(result.failure._tag, "ConfigurationError")
        assert.notInclude(result.failure.message, "\n")
        assert.notInclude(result.failure.message, "canary-token")
      })
  )
})

describe("the operator's patch of pod specs", () => {
  it.effect.prop(
    "is used or refused in one line",
    [mutatedText("dnsPolicy: Default\ncontainers:\n- &a {name: fetcher, resources: {}}\n- *a\nvolumes: []\n")],
    ([text]) =>
      Effect.sync(() => {
        const result = parsePodSpecPatch(text)
        if (Result.isFailure(result)) assert.notInclude(result.failure, "\n")
      })
  )

  it.each([
    ["whose aliases lead nowhere", "volumes: [*nowhere]"],
    ["whose aliases are a bomb", `a: &a [x,x,x]\n${"bcdefghij".replaceAll(/./gu, "$&: &$& [@,@,@,@,@,@]\n")}`],
    ["that nests deeper than any stack", "[".repeat(10_000)]
  ])("is refused %s", (_, text) => {
    let before = "a"
    const bomb = text.replaceAll(/(\w): &\w \[@.*/gu, (line, name: string) => {
      const built = line.replaceAll("@", `*${before}`)
      before = name
      return built
    })
    assert.isTrue(Result.isFailure(parsePodSpecPatch(bomb)))
  })
})

describe("settings", () => {
  const names = [
    "FISSION_RESOURCE_NAMESPACES",
    "POD_READY_TIMEOUT",
    "OBJECT_REAPER_INTERVAL",
    "METRICS_ADDR",
    "EXECUTOR_BODY_LIMIT_BYTES",
    "EXECUTOR_WARM_RESERVE",
    "FETCHER_MINCPU",
    "FISSION_INTERNAL_AUTH_SECRET",
    "EXECUTOR_LEASE_DURATION",
    "EXECUTOR_PODSPEC_PATCH_FILE"
  ]
  it.effect.prop(
    "are used, replaced by their default or refused in one line",
    names.map(() => mutatedText("127.0.0.1:8080")),
    (values) =>
      Effect.gen(function* () {
        const variables = Object.fromEntries(names.map((name, index) => [name, values[index]]))
        const result = yield* Effect.result(Layer.build(Settings.layer(variables)))
        if (Result.isFailure(result)) assert.strictEqual(result.failure._tag, "ConfigurationError")
      })
  )
})
