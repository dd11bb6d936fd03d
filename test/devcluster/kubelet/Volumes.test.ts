import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { ReadData } from "../../../src/devcluster/kubelet/ContainerConfig.ts"
import type { KubeletPod } from "../../../src/devcluster/kubelet/PodObject.ts"
import { makeVolumes } from "../../../src/devcluster/kubelet/Volumes.ts"

const temporaryRoot = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "volumes-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

const read: ReadData = (kind, name) =>
  Effect.succeed(
    name === "present"
      ? new Map([
          ["a", Buffer.from(`${kind} a`)],
          ["b", Buffer.from(`${kind} b`)]
        ])
      : undefined
  )

const make = (root: string, spec: Pick<KubeletPod["spec"], "containers" | "volumes">) =>
  makeVolumes(
    { pod: { metadata: { name: "pod-1", namespace: "team-a" }, spec }, address: "127.1.2.3", nodeName: "embedded" },
    { read, token: "token", imageLayout: undefined },
    root
  )

const mounting = (...paths: ReadonlyArray<readonly [string, string]>) => [
  { name: "main", volumeMounts: paths.map(([name, mountPath]) => ({ name, mountPath })) }
]

const text = (...path: ReadonlyArray<string>) => Effect.promise(() => readFile(join(...path), "utf8"))

it.effect("lays each volume out below its mount path", () =>
  Effect.gen(function* () {
    const root = yield* temporaryRoot
    yield* make(root, {
      containers: mounting(["code", "/userfunc"], ["info", "/etc/podinfo"], ["keys", "/keys"], ["all", "/var/run/all"]),
      volumes: [
        { name: "code" },
        { name: "info", downwardAPI: { items: [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }] } },
        { name: "keys", secret: { secretName: "present", items: [{ key: "b", path: "deep/b" }] } },
        {
          name: "all",
          projected: {
            sources: [
              { serviceAccountToken: { path: "token" } },
              { configMap: { name: "present" } },
              { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } }
            ]
          }
        },
        { name: "unused" }
      ]
    })
    assert.isTrue((yield* Effect.promise(() => stat(join(root, "userfunc")))).isDirectory())
    assert.strictEqual(yield* text(root, "etc/podinfo/name"), "pod-1")
    assert.strictEqual(yield* text(root, "keys/deep/b"), "secret b")
    assert.strictEqual(yield* text(root, "var/run/all/token"), "token")
    assert.strictEqual(yield* text(root, "var/run/all/a"), "configmap a")
    assert.strictEqual(yield* text(root, "var/run/all/namespace"), "team-a")
    assert.deepStrictEqual((yield* Effect.promise(() => readdir(root))).sort(), ["etc", "keys", "userfunc", "var"])
  })
)

it.effect("shares one volume between the paths at which containers mount it, and can be repeated", () =>
  Effect.gen(function* () {
    const root = yield* temporaryRoot
    const spec = {
      containers: [...mounting(["code", "/userfunc"]), ...mounting(["code", "/app/code"])],
      volumes: [{ name: "code" }]
    }
    yield* make(root, spec)
    yield* make(root, spec)
    yield* Effect.promise(() => writeFile(join(root, "userfunc/hello.js"), "code"))
    assert.strictEqual(yield* text(root, "app/code/hello.js"), "code")
  })
)

it.effect("never leaves the root", () =>
  Effect.gen(function* () {
    const root = yield* temporaryRoot
    yield* make(root, { containers: mounting(["code", "/../../outside"]), volumes: [{ name: "code" }] })
    assert.deepStrictEqual(yield* Effect.promise(() => readdir(root)), ["outside"])
  })
)

it.effect("fails for a Secret that is missing, unless it is optional", () =>
  Effect.gen(function* () {
    const root = yield* temporaryRoot
    const volumes = (optional: boolean) => [{ name: "keys", secret: { secretName: "absent", optional } }]
    const containers = mounting(["keys", "/keys"])
    const error = yield* Effect.flip(make(root, { containers, volumes: volumes(false) }))
    assert.strictEqual(error.message, 'secret "absent" not found')
    yield* make(root, { containers, volumes: volumes(true) })
    assert.deepStrictEqual(yield* Effect.promise(() => readdir(join(root, "keys"))), [])
  })
)
