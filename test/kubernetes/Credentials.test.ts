import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Pods } from "../../src/fission/ResourceKind.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"
import * as CapturedLog from "../fakes/CapturedLog.ts"
import * as StubServer from "../fakes/StubServer.ts"

/** A folder of its own with a kubeconfig whose user has a token file, as the service account of a pod has. */
const tokenFolder = (server: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "fission-executor-"))
      const kubeconfig = join(folder, "config")
      const write = (token: string) => writeFileSync(join(folder, "token"), token)
      write("first\n")
      writeFileSync(
        kubeconfig,
        `apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: "${server}" } }]
users: [{ name: u, user: { auth-provider: { name: tokenFile, config: { tokenFile: "${join(folder, "token")}" } } } }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
`
      )
      return { folder, kubeconfig, write, removeConfig: () => rmSync(kubeconfig) }
    }),
    ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )

const authorization = (credentials: Credentials.Credentials) => credentials.headers["authorization"]

describe("a configuration that cannot be used is one clear line", () => {
  const malformed = Effect.map(tokenFolder("http://127.0.0.1:1"), ({ folder }) => {
    const path = join(folder, "broken")
    writeFileSync(path, "clusters:\n  - name: [unclosed\n  more: {")
    return path
  })
  const withoutCluster = Effect.map(tokenFolder("http://127.0.0.1:1"), ({ folder }) => {
    const path = join(folder, "empty")
    writeFileSync(path, "apiVersion: v1\nkind: Config\nclusters: []\nusers: []\ncontexts: []\n")
    return path
  })
  const messageOf = (source: Credentials.LoadKubeConfig) =>
    Effect.map(Effect.flip(Credentials.makeStore(source)), ({ message }) => message)

  it.effect("for a file that is missing", () =>
    Effect.gen(function* () {
      const message = yield* messageOf(Credentials.fromFile("/no/such/kubeconfig"))
      assert.strictEqual(
        message,
        "kubeconfig /no/such/kubeconfig: cannot be used as a kubeconfig (ENOENT: no such file or directory, open '/no/such/kubeconfig'); check the path and its content"
      )
    })
  )

  it.effect("for a file that is no YAML", () =>
    Effect.gen(function* () {
      const path = yield* malformed
      const message = yield* messageOf(Credentials.fromFile(path))
      assert.isTrue(message.startsWith(`kubeconfig ${path}: cannot be used as a kubeconfig (`), message)
      assert.notInclude(message, "\n")
    })
  )

  it.effect("for a file that names no cluster", () =>
    Effect.gen(function* () {
      const message = yield* messageOf(Credentials.fromFile(yield* withoutCluster))
      assert.include(message, "it names no cluster for its current context")
    })
  )

  it.effect.each<readonly [url: string, problem: string]>([
    ["not a url", "Invalid URL"],
    ["ftp://server", "the URL must begin with http:// or https://"]
  ])("for the URL %s", ([url, problem]) =>
    Effect.gen(function* () {
      const message = yield* messageOf(Credentials.fromServer(url))
      assert.isTrue(message.startsWith(`API server ${url}: `), message)
      assert.include(message, problem)
    })
  )

  it.effect("for the whole API, before anything is sent", () =>
    Effect.gen(function* () {
      const layer = KubernetesApiLive.layer(Credentials.fromFile("/no/such/kubeconfig"), "test")
      const error = yield* Effect.flip(Layer.build(layer))
      assert.strictEqual(error._tag, "ConfigurationError")
    })
  )
})

describe("credentials", () => {
  it.effect("are read anew after 45 s and not before", () =>
    Effect.gen(function* () {
      const { kubeconfig, write } = yield* tokenFolder("http://127.0.0.1:1")
      const store = yield* Credentials.makeStore(Credentials.fromFile(kubeconfig))
      write("second")
      yield* TestClock.adjust("44 seconds")
      assert.strictEqual(authorization(yield* store.current), "Bearer first")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(authorization(yield* store.current), "Bearer second")
    })
  )

  it.effect("are read anew once for many callers whom the server refused", () =>
    Effect.gen(function* () {
      const { kubeconfig } = yield* tokenFolder("http://127.0.0.1:1")
      let reads = 0
      const store = yield* Credentials.makeStore(
        Effect.tap(Credentials.fromFile(kubeconfig), () => Effect.sync(() => reads++))
      )
      const refused = yield* store.current
      const fresh = yield* Effect.all([store.refreshed(refused), store.refreshed(refused)], { concurrency: 2 })
      assert.strictEqual(fresh[0], fresh[1])
      assert.strictEqual(reads, 2)
    })
  )

  it.effect("that cannot be read anew are used on, with a warning, and tried again after 5 s", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const { kubeconfig, removeConfig } = yield* tokenFolder("http://127.0.0.1:1")
      yield* Effect.gen(function* () {
        const store = yield* Credentials.makeStore(Credentials.fromFile(kubeconfig))
        const before = yield* store.current
        removeConfig()
        yield* TestClock.adjust("45 seconds")
        assert.strictEqual(yield* store.current, before)
        yield* TestClock.adjust("4 seconds")
        assert.strictEqual(yield* store.current, before)
        assert.strictEqual(log.lines.length, 1)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* store.current, before)
      }).pipe(Effect.provide(log.layer))
      assert.deepStrictEqual(
        log.lines.map(({ level, message }) => `${level}: ${message}`),
        Array.from({ length: 2 }, () => "Warn: credentials cannot be read anew; those from before are used on")
      )
      assert.include(String(log.lines[0]?.fields["problem"]), kubeconfig)
    })
  )
})

describe("a server that answers 401", () => {
  const refusing = (accepted: string) =>
    Effect.gen(function* () {
      const server = yield* StubServer.listen(({ headers, query }, response) => {
        if (headers["authorization"] !== `Bearer ${accepted}`) {
          return StubServer.sendJson(
            response,
            { status: "Failure", reason: "Unauthorized", message: "Unauthorized" },
            401
          )
        }
        return query["watch"] === undefined
          ? StubServer.sendJson(response, { metadata: { name: "pod-1" } })
          : void response.writeHead(200).end()
      })
      const tokens = yield* tokenFolder(server.url)
      const context = yield* Layer.build(KubernetesApiLive.layer(Credentials.fromFile(tokens.kubeconfig), "test"))
      return { ...tokens, server, api: yield* Effect.provide(KubernetesApi, context) }
    })
  const get = { namespace: "team-a", name: "pod-1" }

  it.live("is asked once more, with credentials read anew", () =>
    Effect.gen(function* () {
      const { api, server, write } = yield* refusing("second")
      write("second")
      yield* api.get(Pods, get)
      const sent = [yield* server.nextRequest, yield* server.nextRequest].map(({ headers }) => headers["authorization"])
      assert.deepStrictEqual(sent, ["Bearer first", "Bearer second"])
    })
  )

  it.live("is asked once more for a watch too", () =>
    Effect.gen(function* () {
      const { api, server, write } = yield* refusing("second")
      write("second")
      yield* Stream.runDrain(api.watch(Pods, { resourceVersion: "1", timeout: "5 minutes", silence: "100 seconds" }))
      const sent = [yield* server.nextRequest, yield* server.nextRequest].map(({ headers }) => headers["authorization"])
      assert.deepStrictEqual(sent, ["Bearer first", "Bearer second"])
    })
  )

  it.live("to both is believed to be warming up", () =>
    Effect.gen(function* () {
      const { api, server } = yield* refusing("another")
      const error = yield* Effect.flip(api.get(Pods, get))
      assert.include(error.message, "Unauthorized (HTTP 401) [Warmup]")
      yield* server.nextRequest
      yield* server.nextRequest
    })
  )
})
