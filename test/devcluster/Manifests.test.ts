import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, type Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Manifests from "../../src/devcluster/Manifests.ts"
import { rawKind } from "../../src/devcluster/RawKind.ts"
import { servedKinds } from "../../src/devcluster/ServedKinds.ts"
import { readZip } from "../../src/devcluster/Zip.ts"
import { FatalError, TimeoutError } from "../../src/Errors.ts"
import { Environments, Functions } from "../../src/fission/ResourceKind.ts"
import * as CapturedLog from "../fakes/CapturedLog.ts"
import * as KubernetesApiInMemory from "../fakes/KubernetesApiInMemory.ts"

const kindOf = (name: string) => {
  const kind = servedKinds.find((kind) => kind.kind === name)
  if (kind === undefined) throw new Error(`no kind ${name}`)
  return rawKind(kind)
}
const packages = kindOf("Package")
const named = (name: string) => ({ namespace: "default", name })

/** A folder with these files, which goes away with the test. */
const folderOf = (files: { readonly [name: string]: string }) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "manifests-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
    )
    const write = (name: string, content: string) =>
      Effect.promise(async () => {
        await mkdir(dirname(join(folder, name)), { recursive: true })
        await writeFile(join(folder, name), content)
      })
    for (const [name, content] of Object.entries(files)) yield* write(name, content)
    return { folder, write }
  })

const environment = `apiVersion: fission.io/v1
kind: Environment
metadata: { name: nodejs, labels: { team: a } }
spec: { version: 3, poolsize: 2, runtime: { image: node } }
`
const code = (include: string) => `kind: ArchiveUploadSpec
name: code
include: [${include}]
---
apiVersion: fission.io/v1
kind: Function
metadata: { name: hello, namespace: default }
spec:
  environment: { name: nodejs, namespace: default }
  package: { packageref: { name: code, namespace: default }, functionName: hello }
---
apiVersion: fission.io/v1
kind: Package
metadata: { name: code, namespace: default }
spec:
  environment: { name: nodejs, namespace: default }
  deployment: { url: "archive://code" }
`

const test = (name: string, body: Effect.Effect<void, unknown, Scope.Scope>) => it.effect(name, () => body)
const cluster = KubernetesApiInMemory.make({ namespaces: ["default"] })
type Cluster = KubernetesApiInMemory.KubernetesApiInMemory

const apply = (api: Cluster, path: string) => Effect.provide(Manifests.apply(path), api.layer)
const literalOf = (api: Cluster) =>
  Buffer.from(Object(api.find(packages, named("code"))?.["spec"]).deployment.literal, "base64")
const versionInFunction = (api: Cluster) =>
  Object(api.find(Functions, named("hello"))?.["spec"]).package.packageref.resourceversion

describe("applying", () => {
  test(
    "creates what is missing, updates what differs and leaves the rest alone",
    Effect.gen(function* () {
      const api = yield* cluster
      const { folder, write } = yield* folderOf({
        "a.yaml": environment,
        "b.json": '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"},"data":{"k":"v"}}'
      })
      const first = yield* apply(api, folder)
      assert.deepStrictEqual(first.created, ["Environment default/nodejs", "ConfigMap default/c"])
      const again = yield* apply(api, folder)
      assert.deepStrictEqual(again.unchanged, ["Environment default/nodejs", "ConfigMap default/c"])
      assert.deepStrictEqual(api.lines("update"), [])
      yield* write("a.yaml", environment.replace("poolsize: 2", "poolsize: 5"))
      const changed = yield* apply(api, folder)
      assert.deepStrictEqual(
        [changed.updated, changed.unchanged],
        [["Environment default/nodejs"], ["ConfigMap default/c"]]
      )
    })
  )

  test(
    "keeps what the server and others own",
    Effect.gen(function* () {
      const api = yield* cluster
      const { folder, write } = yield* folderOf({ "a.yaml": environment })
      yield* apply(api, folder)
      const before = api.merge(Environments, named("nodejs"), {
        metadata: { finalizers: ["fission.io/x"], labels: { other: "b" } },
        status: { observed: 1 }
      })
      yield* write("a.yaml", environment.replace("poolsize: 2", "poolsize: 5"))
      yield* apply(api, folder)
      const after = api.find(Environments, named("nodejs"))
      assert.deepStrictEqual(after?.metadata.finalizers, ["fission.io/x"])
      assert.deepStrictEqual(after?.metadata.labels, { team: "a", other: "b" })
      assert.strictEqual(after?.metadata.uid, before.metadata.uid)
      assert.deepStrictEqual(after?.["status"], { observed: 1 })
    })
  )

  test(
    "makes namespaces before what is in them",
    Effect.gen(function* () {
      const api = yield* cluster
      const { folder } = yield* folderOf({
        "a.yaml": environment.replace("{ name: nodejs,", "{ name: nodejs, namespace: team-a,"),
        "z.yaml": "{ kind: Namespace, apiVersion: v1, metadata: { name: team-a } }"
      })
      const { created, failed } = yield* apply(api, folder)
      assert.deepStrictEqual([created, failed], [["Namespace /team-a", "Environment team-a/nodejs"], []])
    })
  )

  test(
    "names file and problem of a bad manifest in one line and applies the rest",
    Effect.gen(function* () {
      const api = yield* cluster
      const log = yield* CapturedLog.make
      const { folder } = yield* folderOf({
        "a.yaml": "kind: [unclosed",
        "b.yaml": `apiVersion: fission.io/v1\nkind: Function\nmetadata: {}\n---\n${environment}`,
        "c.yaml": "{ kind: Gadget, apiVersion: example.org/v1, metadata: { name: x } }",
        "d.yaml": "{ kind: Secret, apiVersion: v1, metadata: { name: s, namespace: nowhere } }",
        "e.yaml": "---\n",
        "package.json": '{ "name": "no manifest" }'
      })
      const { created, failed } = yield* Effect.provide(apply(api, folder), log.layer)
      assert.deepStrictEqual(created, ["Environment default/nodejs"])
      const files = ["a.yaml", "b.yaml", "c.yaml", "d.yaml"].map((name) => join(folder, name))
      assert.deepStrictEqual(failed.map(({ file }) => file).sort(), files)
      const warnings = log.lines.filter(({ level }) => level === "Warn")
      assert.deepStrictEqual(warnings.map(({ fields }) => fields["file"]).sort(), files)
      assert.isTrue(warnings.every(({ fields }) => !String(fields["problem"]).includes("\n")))
    })
  )

  test(
    "decides again when another writer comes between",
    Effect.gen(function* () {
      const api = yield* cluster
      const { folder, write } = yield* folderOf({ "a.yaml": environment })
      yield* apply(api, folder)
      yield* write("a.yaml", environment.replace("poolsize: 2", "poolsize: 5"))
      let meddled = false
      api.intercept((call) => {
        if (call.verb !== "update" || meddled) return undefined
        meddled = true
        return Effect.sync(
          () => void api.merge(Environments, named("nodejs"), { metadata: { labels: { other: "b" } } })
        )
      })
      assert.deepStrictEqual((yield* apply(api, folder)).updated, ["Environment default/nodejs"])
      assert.strictEqual(api.find(Environments, named("nodejs"))?.metadata.labels?.["other"], "b")
    })
  )

  it.live("finds its own object when the answer to a create is lost", () =>
    Effect.gen(function* () {
      const api = yield* cluster
      const { folder } = yield* folderOf({ "a.yaml": environment })
      api.interceptAnswers((call) => {
        if (call.verb !== "create") return undefined
        api.interceptAnswers()
        return Effect.fail(new TimeoutError({ ...call, kind: "Connection", detail: "reset", outcomeUnknown: true }))
      })
      const { failed } = yield* apply(api, folder)
      assert.deepStrictEqual(failed, [])
      assert.isDefined(api.find(Environments, named("nodejs")))
    })
  )

  test(
    "tells trouble of the moment from what will not pass",
    Effect.gen(function* () {
      const api = yield* cluster
      const { folder } = yield* folderOf({ "a.yaml": environment })
      api.intercept((call) => Effect.fail(new FatalError({ ...call, scope: "namespace", detail: "forbidden" })))
      assert.deepStrictEqual(
        (yield* apply(api, folder)).failed.map(({ mayPassLater }) => mayPassLater),
        [false]
      )
    })
  )
})

describe("code", () => {
  test(
    "a single file becomes the literal of its Package, ready to run",
    Effect.gen(function* () {
      const api = yield* cluster
      const { folder } = yield* folderOf({ "fn.yaml": code("hello.js"), "hello.js": "export default 1" })
      yield* apply(api, folder)
      assert.strictEqual(literalOf(api).toString("utf8"), "export default 1")
      assert.deepStrictEqual(api.find(packages, named("code"))?.["status"], { buildstatus: "none" })
      assert.strictEqual(versionInFunction(api), api.find(packages, named("code"))?.metadata.resourceVersion)
    })
  )

  test(
    "changed code is a new generation of each Function that uses it, unchanged code is none",
    Effect.gen(function* () {
      const api = yield* cluster
      const { folder, write } = yield* folderOf({ "fn.yaml": code("hello.js"), "hello.js": "export default 1" })
      yield* apply(api, folder)
      const again = yield* apply(api, folder)
      assert.deepStrictEqual(again.unchanged, ["Package default/code", "Function default/hello"])
      yield* write("hello.js", "export default 2")
      const changed = yield* apply(api, folder)
      assert.deepStrictEqual(changed.updated, ["Package default/code", "Function default/hello"])
      assert.strictEqual(versionInFunction(api), api.find(packages, named("code"))?.metadata.resourceVersion)
      assert.strictEqual(api.find(Functions, named("hello"))?.metadata.generation, 2)
    })
  )

  test(
    "several files become a zip with names from the folder that they share",
    Effect.gen(function* () {
      const api = yield* cluster
      const { folder } = yield* folderOf({
        "fn.yaml": code("src/*.js, src/lib"),
        "src/hello.js": "1",
        "src/notes.txt": "not included",
        "src/lib/deep/x.json": "{}"
      })
      yield* apply(api, folder)
      const files = readZip(literalOf(api)).map(({ content, name }) => [name, content.toString("utf8")])
      assert.deepStrictEqual(files, [
        ["hello.js", "1"],
        ["lib/deep/x.json", "{}"]
      ])
    })
  )

  for (const [what, include, size] of [
    ["is missing", "none.js", 1],
    ["is too large", "hello.js", 300_000]
  ] as const) {
    test(
      `an archive that ${what} is a problem, and nothing that works is touched`,
      Effect.gen(function* () {
        const api = yield* cluster
        const { folder, write } = yield* folderOf({ "fn.yaml": code("hello.js"), "hello.js": "export default 1" })
        yield* apply(api, folder)
        const before = [api.find(packages, named("code")), api.find(Functions, named("hello"))]
        yield* write("fn.yaml", code(include))
        yield* write("hello.js", "x".repeat(size))
        const { failed, unchanged } = yield* apply(api, folder)
        assert.deepStrictEqual(
          failed.map(({ file }) => file),
          [join(folder, "fn.yaml")]
        )
        assert.deepStrictEqual(unchanged, ["Function default/hello"])
        assert.deepStrictEqual([api.find(packages, named("code")), api.find(Functions, named("hello"))], before)
      })
    )
  }
})

describe("following", () => {
  it.live("applies at once and after a change of the code", () =>
    Effect.gen(function* () {
      const api = yield* cluster
      const { folder, write } = yield* folderOf({ "fn.yaml": code("hello.js"), "hello.js": "export default 1" })
      const functions = yield* Queue.unbounded<number>()
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          api.store.subscribe(({ kind, object }) => {
            if (kind.kind === "Function") Queue.offerUnsafe(functions, object.metadata.generation ?? 0)
          })
        ),
        (stop) => Effect.sync(stop)
      )
      yield* Effect.forkScoped(Effect.provide(Manifests.follow(folder), api.layer))
      assert.strictEqual(yield* Queue.take(functions), 1)
      yield* write("hello.js", "export default 2")
      assert.strictEqual(yield* Queue.take(functions), 2)
      assert.strictEqual(literalOf(api).toString("utf8"), "export default 2")
    })
  )

  it.effect("tries again what failed for a reason of the moment", () =>
    Effect.gen(function* () {
      const api = yield* cluster
      const log = yield* CapturedLog.make
      const { folder } = yield* folderOf({ "a.yaml": environment })
      api.intercept((call) =>
        Effect.fail(new TimeoutError({ ...call, kind: "Unavailable", detail: "down", outcomeUnknown: false }))
      )
      yield* Effect.forkScoped(Effect.provide(Manifests.follow(folder), [api.layer, log.layer]))
      const until = Effect.fnUntraced(function* (condition: () => boolean) {
        while (!condition()) {
          yield* TestClock.adjust("1 second")
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        }
      })
      yield* until(() => log.lines.some(({ message }) => message === "a manifest was not applied"))
      api.intercept()
      yield* until(() => api.find(Environments, named("nodejs")) !== undefined)
    })
  )
})

describe("the samples", () => {
  test(
    "apply without a problem, every Function that has a package with its code",
    Effect.gen(function* () {
      const api = yield* cluster
      const samples = fileURLToPath(new URL("../../deploy/samples", import.meta.url))
      const { created, failed } = yield* apply(api, samples)
      assert.deepStrictEqual(failed, [])
      assert.strictEqual(created.length, 13)
      const codes = api.list(Functions).map(({ spec }) => Object(spec).package.packageref.name)
      for (const name of codes.filter((name) => name !== "")) {
        const spec = Object(api.find(packages, named(name))?.["spec"])
        const source = yield* Effect.promise(() => readFile(join(samples, `${name}.js`), "utf8"))
        assert.strictEqual(Buffer.from(spec.deployment.literal, "base64").toString("utf8"), source)
      }
    })
  )
})
