import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  environmentOf,
  fieldOf,
  type PodContext,
  type ReadData
} from "../../../src/devcluster/kubelet/ContainerConfig.ts"

const context: PodContext = {
  pod: {
    metadata: { name: "pod-1", namespace: "team-a", uid: "1", labels: { app: "web" }, annotations: { "a.b/c": "d" } },
    spec: { serviceAccountName: "fission-fetcher", containers: [] }
  },
  address: "127.1.2.3",
  nodeName: "embedded"
}

const read: ReadData = (kind, name) =>
  Effect.succeed(name === "present" ? new Map([["key", Buffer.from(`${kind} value`)]]) : undefined)

describe("fieldOf", () => {
  it.effect.each<readonly [string, string]>([
    ["metadata.name", "pod-1"],
    ["metadata.namespace", "team-a"],
    ["metadata.uid", "1"],
    ["metadata.labels['app']", "web"],
    ["metadata.annotations['a.b/c']", "d"],
    ["metadata.labels['other']", ""],
    ["metadata.labels", 'app="web"'],
    ["spec.nodeName", "embedded"],
    ["spec.serviceAccountName", "fission-fetcher"],
    ["status.podIP", "127.1.2.3"],
    ["status.hostIP", "127.0.0.1"]
  ] as const)("knows %s", ([path, expected]) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* fieldOf(context, path), expected)
    })
  )

  it.effect("says which field it does not know", () =>
    Effect.gen(function* () {
      assert.include((yield* Effect.flip(fieldOf(context, "spec.unknown"))).message, "spec.unknown")
    })
  )
})

describe("environmentOf", () => {
  it.effect("takes values from where they are, and leaves out what is optional and absent", () =>
    Effect.gen(function* () {
      const environment = yield* environmentOf(context, read, [
        { name: "PLAIN", value: "1" },
        { name: "EMPTY" },
        { name: "PLAIN", value: "2" },
        { name: "FIELD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "SECRET", valueFrom: { secretKeyRef: { name: "present", key: "key" } } },
        { name: "CONFIG", valueFrom: { configMapKeyRef: { name: "present", key: "key" } } },
        { name: "NO_SECRET", valueFrom: { secretKeyRef: { name: "absent", key: "key", optional: true } } },
        { name: "NO_KEY", valueFrom: { secretKeyRef: { name: "present", key: "other", optional: true } } }
      ])
      assert.deepStrictEqual(environment, {
        PLAIN: "2",
        EMPTY: "",
        FIELD: "pod-1",
        SECRET: "secret value",
        CONFIG: "configmap value"
      })
    })
  )

  it.effect("takes everything of its sources, under a prefix where they name one; variables stand over them", () =>
    Effect.gen(function* () {
      const sources = [
        { configMapRef: { name: "present" } },
        { prefix: "MY_", secretRef: { name: "present" } },
        { secretRef: { name: "absent", optional: true } }
      ]
      assert.deepStrictEqual(yield* environmentOf(context, read, [], sources), {
        key: "configmap value",
        MY_key: "secret value"
      })
      const variables = [{ name: "key", value: "mine" }]
      assert.deepInclude(yield* environmentOf(context, read, variables, sources), { key: "mine" })
      const error = yield* Effect.flip(environmentOf(context, read, [], [{ secretRef: { name: "absent" } }]))
      assert.strictEqual(error.message, 'secret "absent" not found')
    })
  )

  it.effect.each<readonly [string, string, string]>([
    ["absent", "key", 'secret "absent" not found'],
    ["present", "other", "couldn't find key other in Secret team-a/present"]
  ] as const)("fails for %s/%s that is required", ([name, key, message]) =>
    Effect.gen(function* () {
      const variables = [{ name: "A", valueFrom: { secretKeyRef: { name, key } } }]
      const error = yield* Effect.flip(environmentOf(context, read, variables))
      assert.strictEqual(error.message, message)
    })
  )
})
