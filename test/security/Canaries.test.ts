import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Inspectable, Layer, Logger, References, Tracer } from "effect"
import { ExecutorApi } from "../../src/api/ExecutorApi.ts"
import { Settings } from "../../src/Config.ts"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import * as DevCluster from "../../src/devcluster/DevCluster.ts"
import { Faults } from "../../src/devcluster/Faults.ts"
import * as Executor from "../../src/Executor.ts"
import { Environments, Functions } from "../../src/fission/ResourceKind.ts"
import { channelKey, signedHeaders } from "../../src/fission/RequestSignature.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import { freePort } from "../cli/CommandProcess.ts"
import { clientLayer } from "../devcluster/ClusterFixture.ts"
import { exchange } from "../fakes/HttpExchange.ts"

/** Every secret that the executor is given, or that passes through it. */
const canary = {
  token: "canary-token",
  secret: "canary-secret",
  previousSecret: "canary-previous",
  variable: "canary-variable",
  body: "canary-body"
}

/** Everything that is logged, of every level and with causes, and every span with its attributes. */
const makeRecording = () => {
  const output: Array<string> = []
  const waiting = new Map<string, Deferred.Deferred<void>>()
  const logger = Logger.make<unknown, void>((options) => {
    const line = `${Inspectable.toStringUnknown(Logger.formatStructured.log(options))} ${Cause.pretty(options.cause)}`
    output.push(line)
    for (const [text, said] of waiting) if (line.includes(text)) Deferred.doneUnsafe(said, Effect.void)
  })
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const { attribute } = span
      span.attribute = (key, value) => {
        output.push(`${key} ${Inspectable.toStringUnknown(value)}`)
        attribute.call(span, key, value)
      }
      output.push(options.name)
      return span
    }
  })
  return {
    output,
    /** Waits for a line of the log with this text. */
    said: (text: string) =>
      Effect.suspend(() => {
        if (output.some((line) => line.includes(text))) return Effect.void
        const said = Deferred.makeUnsafe<void>()
        waiting.set(text, said)
        return Deferred.await(said)
      }),
    layer: Layer.mergeAll(
      Logger.layer([logger]),
      Layer.succeed(References.MinimumLogLevel, "All"),
      Layer.succeed(Tracer.Tracer, tracer)
    )
  }
}

const kubeconfigOf = (url: string) => `
clusters: [{name: c, cluster: {server: "${url}"}}]
users: [{name: u, user: {token: ${canary.token}}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "canaries-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true }))
)

/** A Function, and its Environment with a variable that is a secret in all but kind. */
const applied = Effect.gen(function* () {
  const api = yield* KubernetesApi
  yield* api.create(Environments, {
    metadata: { name: "nodejs", namespace: "default" },
    spec: {
      version: 3,
      poolsize: 1,
      runtime: { image: "node-env", container: { env: [{ name: "PASSWORD", value: canary.variable }] } }
    }
  })
  return yield* api.create(Functions, {
    metadata: { name: "hello", namespace: "default" },
    spec: {
      environment: { name: "nodejs", namespace: "default" },
      package: { packageref: { name: "hello-pkg", namespace: "default" } },
      env: [{ name: "PASSWORD", value: canary.variable }],
      InvokeStrategy: {
        ExecutionStrategy: { ExecutorType: "newdeploy", MinScale: 0, MaxScale: 1 },
        StrategyType: "execution"
      }
    }
  })
})

describe("no secret", () => {
  it.live("is in any log line, span, page or answer, while calls succeed, fail and are refused", () =>
    Effect.gen(function* () {
      const { layer, output, said } = makeRecording()
      yield* DevCluster.furnish(["default"])
      const fn = yield* applied
      yield* Faults.use((faults) =>
        Effect.all([
          faults.inject({ verb: "create", count: 1, action: { type: "answer", status: 200, body: canary.body } }),
          faults.inject({ verb: "list", count: 1, action: { type: "error", preset: "unauthorized" } })
        ])
      )
      const { url } = yield* ApiServer
      const kubeconfig = join(yield* temporaryFolder, "kubeconfig")
      yield* Effect.promise(() => writeFile(kubeconfig, kubeconfigOf(url)))
      const metricsPort = yield* freePort

      const executor = Executor.layer({
        kubeConfig: Credentials.fromFile(kubeconfig),
        userAgent: "test",
        host: "127.0.0.1",
        port: 0,
        metrics: true
      }).pipe(
        Layer.provide(
          Settings.layer({
            FISSION_INTERNAL_AUTH_SECRET: canary.secret,
            FISSION_INTERNAL_AUTH_SECRET_OLD: canary.previousSecret,
            METRICS_ADDR: `127.0.0.1:${metricsPort}`,
            POD_READY_TIMEOUT: "1s"
          })
        ),
        Layer.provideMerge(layer)
      )

      yield* Effect.gen(function* () {
        const { port } = yield* ExecutorApi
        yield* said("namespace is healthy")
        yield* said("the answer is no JSON")
        const post = (path: string, body: string, secret: string) => {
          const key = channelKey(secret, "executor")
          const headers = signedHeaders(key, { method: "POST", target: path, body }, Math.floor(Date.now() / 1000))
          return Effect.map(exchange(port, { method: "POST", path, headers, body }), (answer) => {
            output.push(`${answer.rawHeaders.join(" ")} ${answer.body}`)
            return answer.status
          })
        }
        const ask = "/v2/getServiceForFunction"
        const invalid = { ...fn, spec: { ...Object(fn["spec"]), concurrency: canary.body } }
        assert.strictEqual(yield* post(ask, JSON.stringify(fn), "another secret"), 401)
        assert.strictEqual(yield* post(ask, `{"metadata": ${canary.body}`, canary.secret), 400)
        assert.strictEqual(yield* post(ask, JSON.stringify(invalid), canary.previousSecret), 400)

        const elsewhere = { ...fn, metadata: { ...fn.metadata, namespace: "elsewhere" } }
        assert.notStrictEqual(yield* post(ask, JSON.stringify(elsewhere), canary.secret), 200)

        for (const path of ["/metrics", "/debug/namespaces", "/debug/decisions", "/debug/orphans"]) {
          const page = yield* exchange(metricsPort, { path })
          assert.strictEqual(page.status, 200)
          output.push(page.body)
        }
      }).pipe(Effect.provide(executor))

      const all = output.join("\n")
      assert.include(all, "a request was not let in")
      assert.include(all, "the body of a request cannot be used")
      for (const secret of Object.values(canary)) assert.notInclude(all, secret)
    }).pipe(Effect.provide(clientLayer))
  )
})
