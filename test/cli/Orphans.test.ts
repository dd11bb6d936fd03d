import { createServer, type Server } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, type Scope } from "effect"
import { Command } from "effect/cli"
import { orphans as orphansCommand } from "../../src/cli/orphans/orphans.ts"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import * as DevCluster from "../../src/devcluster/DevCluster.ts"
import { Faults } from "../../src/devcluster/Faults.ts"
import { functionObjectName } from "../../src/fission/FunctionObjectName.ts"
import { Deployments, Environments, Functions, type ResourceKind, Services } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, type KubernetesObject } from "../../src/kubernetes/KubernetesApi.ts"
import { clientLayer } from "../devcluster/ClusterFixture.ts"
import * as CommandProcess from "./CommandProcess.ts"

/** Runs `orphans` in this process. The command line of `main.ts` gives a refusal its exit code. */
const runHere = (...words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const lines: { readonly stdout: Array<string>; readonly stderr: Array<string> } = { stdout: [], stderr: [] }
    const console: Console.Console = {
      ...(yield* Console.Console),
      log: (line: string) => lines.stdout.push(line),
      error: (line: string) => lines.stderr.push(line)
    }
    const code = yield* Command.runWith(orphansCommand, { version: "1" })(words).pipe(
      Effect.as(0),
      Effect.catchTag("Refusal", ({ exitCode }) => Effect.succeed(exitCode)),
      Effect.provideService(Console.Console, console),
      Effect.provide(NodeServices.layer)
    )
    const text = (printed: ReadonlyArray<string>) => printed.map((line) => `${line}\n`).join("")
    return { code, stdout: text(lines.stdout), stderr: text(lines.stderr) }
  })

/** Runs `orphans` with these words against the embedded API server. */
const orphans = (...words: ReadonlyArray<string>) =>
  Effect.flatMap(ApiServer, ({ url }) => runHere(...words, "--api-server", url))

const create = (kind: ResourceKind, object: KubernetesObject) => KubernetesApi.use((api) => api.create(kind, object))
const exists = (kind: ResourceKind, name: string) =>
  KubernetesApi.use((api) => api.get(kind, { namespace: "default", name })).pipe(
    Effect.as(true),
    Effect.catchTag("KubernetesNotFound", () => Effect.succeed(false))
  )

const createFunction = create(Functions, {
  metadata: { namespace: "default", name: "hello" },
  spec: {
    environment: { name: "nodejs", namespace: "default" },
    package: { packageref: { name: "hello", namespace: "default" } },
    InvokeStrategy: { StrategyType: "execution", ExecutionStrategy: { ExecutorType: "newdeploy", MaxScale: 1 } }
  }
})

const deployment = (name: string, labels: { readonly [label: string]: string }) =>
  create(Deployments, {
    metadata: { namespace: "default", name, labels },
    spec: {
      selector: { matchLabels: { app: "x" } },
      template: { metadata: { labels: { app: "x" } }, spec: { containers: [{ name: "main", image: "app" }] } }
    }
  })

const labelsOf = (uid: string) => ({
  executorType: "newdeploy",
  functionName: "hello",
  functionNamespace: "default",
  functionUid: uid
})

/** One line on standard error that says why, and the exit code. */
const isRefused = (
  { code, stderr }: { readonly code: number | null; readonly stderr: string },
  text: RegExp,
  expected = 1
) => {
  assert.match(stderr, /^fission-executor: [^\n]+\n$/u)
  assert.match(stderr, text)
  assert.strictEqual(code, expected)
}

const inCluster = <E>(test: Effect.Effect<void, E, ApiServer | Faults | KubernetesApi | Scope.Scope>) =>
  Effect.andThen(DevCluster.furnish(["default"]), test).pipe(Effect.provide(clientLayer))

describe("orphans delete", () => {
  it.live("shows an object whose Function is gone and deletes exactly that", () =>
    inCluster(
      Effect.gen(function* () {
        const { metadata } = yield* deployment("left-over", labelsOf("gone"))
        yield* deployment("other", labelsOf("gone"))
        const { code, stderr, stdout } = yield* orphans("delete", "default", "deployment", "left-over", "--yes")
        assert.strictEqual(code, 0, stderr)
        assert.include(stdout, metadata.uid ?? "")
        assert.include(stdout, "Function default/hello does not exist")
        assert.isFalse(yield* exists(Deployments, "left-over"))
        assert.isTrue(yield* exists(Deployments, "other"))
      })
    )
  )

  it.live("refuses an object whose owner lives", () =>
    inCluster(
      Effect.gen(function* () {
        const fn = yield* createFunction
        yield* deployment("in-use", labelsOf(fn.metadata.uid ?? ""))
        isRefused(yield* orphans("delete", "default", "Deployment", "in-use", "--yes"), /has an owner that exists/u)
        assert.isTrue(yield* exists(Deployments, "in-use"))
      })
    )
  )

  it.live("refuses what has nothing to do with functions, unless it has the name that one uses", () =>
    inCluster(
      Effect.gen(function* () {
        const fn = yield* createFunction
        const name = functionObjectName("newdeploy", fn.metadata)
        yield* deployment("database", { app: "x" })
        yield* deployment(name, { app: "x" })
        isRefused(yield* orphans("delete", "default", "Deployment", "database", "--yes"), /no label of the executor/u)
        const flags = ["--function", "hello", "--yes"]
        isRefused(yield* orphans("delete", "default", "Deployment", "database", ...flags), /in nobody's way/u)
        assert.isTrue(yield* exists(Deployments, "database"))
        assert.strictEqual((yield* orphans("delete", "default", "Deployment", name, ...flags)).code, 0)
        assert.isFalse(yield* exists(Deployments, name))
      })
    )
  )

  it.live("shows the object and deletes nothing where there is nobody to ask", () =>
    inCluster(
      Effect.gen(function* () {
        yield* deployment("left-over", labelsOf("gone"))
        const result = yield* orphans("delete", "default", "Deployment", "left-over")
        isRefused(result, /say --yes/u, 2)
        assert.include(result.stdout, "Deployment default/left-over")
        assert.isTrue(yield* exists(Deployments, "left-over"))
      })
    )
  )

  it.live("deletes nothing while it cannot be found out whether the owner lives", () =>
    inCluster(
      Effect.gen(function* () {
        yield* deployment("left-over", labelsOf("gone"))
        const faults = yield* Faults
        yield* faults.inject({
          verb: "get",
          resource: "functions",
          action: { type: "error", preset: "etcdTimeout" }
        })
        const failure = yield* Effect.flip(orphans("delete", "default", "Deployment", "left-over", "--yes"))
        assert.strictEqual(failure._tag, "KubernetesTimeoutError")
        assert.isTrue(yield* exists(Deployments, "left-over"))
      })
    )
  )

  it.live("says that an object does not exist", () =>
    inCluster(
      Effect.gen(function* () {
        isRefused(yield* orphans("delete", "default", "Service", "nothing", "--yes"), /nothing does not exist/u)
      })
    )
  )
})

describe("orphans adopt", () => {
  it.live("gives an object that lost its labels to the Function whose name it has, once", () =>
    inCluster(
      Effect.gen(function* () {
        const fn = yield* createFunction
        const name = functionObjectName("newdeploy", fn.metadata)
        yield* deployment(name, { app: "x" })
        const words = ["adopt", "default", "Deployment", name, "--function", "default/hello"]
        const { code, stderr, stdout } = yield* orphans(...words)
        assert.strictEqual(code, 0, stderr)
        assert.include(stdout, "belongs to Function default/hello now")
        assert.match(stderr, /^fission-executor: warning: its selector[^\n]+ does not ask for functionUid: [^\n]+\n$/u)
        const adopted = yield* KubernetesApi.use((api) => api.get(Deployments, { namespace: "default", name }))
        assert.deepStrictEqual(adopted.metadata.labels, { app: "x", ...labelsOf(fn.metadata.uid ?? "") })
        const again = yield* orphans("adopt", "default", "Deployment", name)
        assert.strictEqual(again.code, 0)
        assert.include(again.stdout, "has its owner already")
      })
    )
  )

  it.live("refuses an object that says nothing, one whose Function is gone, and one that would never be used", () =>
    inCluster(
      Effect.gen(function* () {
        yield* create(Services, {
          metadata: { namespace: "default", name: "plain" },
          spec: { ports: [{ port: 80 }] }
        })
        yield* deployment("left-over", labelsOf("gone"))
        isRefused(yield* orphans("adopt", "default", "Service", "plain"), /does not say whose it is/u)
        isRefused(yield* orphans("adopt", "default", "Deployment", "left-over"), /nothing can be given to it/u)
        yield* createFunction
        isRefused(yield* orphans("adopt", "default", "Deployment", "left-over"), /would never use it/u)
      })
    )
  )

  it.live("gives an Environment a pool that lost its labels, but no second one", () =>
    inCluster(
      Effect.gen(function* () {
        yield* create(Environments, {
          metadata: { namespace: "default", name: "nodejs" },
          spec: { version: 3, runtime: { image: "e" } }
        })
        yield* deployment("first", { app: "x" })
        yield* deployment("second", { app: "x" })
        const adopt = (name: string) => orphans("adopt", "default", "Deployment", name, "--environment", "nodejs")
        const { code, stderr } = yield* adopt("first")
        assert.strictEqual(code, 0, stderr)
        isRefused(yield* adopt("second"), /Environment nodejs has a pool already: Deployment first/u)
      })
    )
  )
})

describe("the command line", () => {
  it.live("ends with the code and the one line of a refusal, or of a kind that there is none of", () =>
    inCluster(
      Effect.gen(function* () {
        const { url } = yield* ApiServer
        const words = (kind: string) => ["orphans", "delete", "default", kind, "nothing", "--yes", "--api-server", url]
        isRefused(yield* CommandProcess.run(words("Service")), /Service default\/nothing does not exist/u)
        isRefused(yield* CommandProcess.run(words("Secret")), /Secret/u, 2)
      })
    )
  )
})

describe("orphans list", () => {
  const report = {
    orphans: [
      {
        kind: "Service",
        namespace: "default",
        name: "stray",
        uid: "u",
        reason: "Function default/hello does not exist",
        createdAt: null,
        forSeconds: 12,
        plan: "left alone",
        remedy: "delete it"
      }
    ],
    more: 2,
    unjudged: [{ namespace: "team-a", reason: "functions: etcdserver: request timed out" }]
  }

  /** A metrics port that answers so, and the paths that it was asked for. */
  const answering = (status: number, body: string) => {
    const asked: Array<string> = []
    const listening = Effect.acquireRelease(
      Effect.callback<Server>((resume) => {
        const server = createServer((request, response) => {
          asked.push(request.url ?? "")
          response.writeHead(status).end(body)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    )
    return Effect.map(listening, (server) => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      return { asked, url: `http://127.0.0.1:${port}` }
    })
  }

  it.live("prints the page as a table, and of which namespaces nothing is known", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* answering(200, JSON.stringify(report))
      const { code, stdout } = yield* runHere("list", "--metrics", url, "default")
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(asked, ["/debug/orphans?namespace=default"])
      const lines = stdout.trimEnd().split("\n")
      assert.match(lines[1] ?? "", /^default +Service +stray +Function default\/hello does not exist +left alone$/u)
      assert.deepStrictEqual(lines.slice(2), [
        "and 2 more",
        "namespace team-a cannot be judged: functions: etcdserver: request timed out"
      ])
    })
  )

  it.live("says in one line what it cannot read", () =>
    Effect.gen(function* () {
      const port = yield* CommandProcess.freePort
      const list = (url: string) => runHere("list", "--metrics", url)
      isRefused(yield* list(`http://127.0.0.1:${port}`), /nobody answers at http:\/\/127.0.0.1/u)
      isRefused(yield* list("nonsense"), /"nonsense" is no URL/u)
      isRefused(yield* list((yield* answering(404, "not found\n")).url), /answered 404: not found/u)
      isRefused(yield* list((yield* answering(200, "hello")).url), /is no page of an executor/u)
    })
  )
})
