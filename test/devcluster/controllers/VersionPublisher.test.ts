import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { VersionPublisherLayer } from "../../../src/devcluster/controllers/VersionPublisher.ts"
import { FunctionAliases, Functions, FunctionVersions, Packages } from "../../../src/fission/ResourceKind.ts"
import * as KubernetesApiInMemory from "../../fakes/KubernetesApiInMemory.ts"

const metadata = (name: string) => ({ namespace: "default", name })

/** The publisher on an API server in memory with the function `hello`, of which versions are published as it says. */
const startWith = (versioning: object | undefined, buildstatus = "succeeded") =>
  Effect.gen(function* () {
    const api = yield* KubernetesApiInMemory.make({ namespaces: ["default"] })
    const buildWith = (literal: string, status = buildstatus) =>
      api.put(Packages, {
        metadata: metadata("hello-code"),
        spec: { environment: metadata("nodejs"), deployment: { type: "literal", literal } },
        status: { buildstatus: status }
      })
    const change = (literal: string) => {
      const { resourceVersion: resourceversion } = buildWith(literal).metadata
      api.put(Functions, {
        metadata: metadata("hello"),
        spec: {
          environment: metadata("nodejs"),
          package: { packageref: { ...metadata("hello-code"), resourceversion } },
          InvokeStrategy: { ExecutionStrategy: { ExecutorType: "poolmgr" } },
          ...(versioning === undefined ? {} : { versioning })
        }
      })
    }
    const settle = TestClock.adjust("1 minute")
    change("MQ==")
    yield* Layer.build(VersionPublisherLayer.pipe(Layer.provide(api.layer)))
    yield* settle
    const names = () => api.list(FunctionVersions, "default").map((version) => version.metadata.name)
    const specOf = (name: string) => Object(api.find(FunctionVersions, metadata(name))?.["spec"])
    return { api, buildWith, change, names, settle, specOf }
  })

it.effect("publishes each generation once, with a copy of its Package", () =>
  Effect.gen(function* () {
    const { api, change, names, settle, specOf } = yield* startWith({ mode: "auto" })
    change("Mg==")
    yield* settle
    yield* settle
    assert.deepStrictEqual(names(), ["hello-v1", "hello-v2"])
    const fn = api.find(Functions, metadata("hello"))
    const spec = specOf("hello-v2")
    assert.deepInclude(spec, {
      functionName: "hello",
      functionUID: fn?.metadata.uid,
      functionGeneration: fn?.metadata.generation,
      sequence: 2
    })
    assert.isUndefined(spec.snapshot.versioning)
    assert.strictEqual(spec.snapshot.package.packageref.name, "hello-v2")
    const literals = ["hello-v1", "hello-v2"].map(
      (name) => Object(api.find(Packages, metadata(name))?.["spec"]).deployment.literal
    )
    assert.deepStrictEqual(literals, ["MQ==", "Mg=="])
  })
)

it.effect("waits for the Package to be built", () =>
  Effect.gen(function* () {
    const { buildWith, names, settle } = yield* startWith({ mode: "auto" }, "running")
    assert.deepStrictEqual(names(), [])
    buildWith("MQ==", "succeeded")
    yield* settle
    assert.deepStrictEqual(names(), ["hello-v1"])
  })
)

for (const [what, versioning] of [
  ["a Function that does not ask for it", undefined],
  ["one whose versions are published by hand", { mode: "manual" }]
] as const) {
  it.effect(`publishes nothing of ${what}`, () =>
    Effect.gen(function* () {
      const { change, names, settle } = yield* startWith(versioning)
      change("Mg==")
      yield* settle
      assert.deepStrictEqual(names(), [])
    })
  )
}

it.effect("deletes the oldest versions that are too many, with their Packages, but none that an alias leads to", () =>
  Effect.gen(function* () {
    const { api, change, names, settle } = yield* startWith({ retain: 1 })
    api.put(FunctionAliases, { metadata: metadata("prod"), spec: { functionName: "hello", version: "hello-v1" } })
    yield* settle
    for (const literal of ["Mg==", "Mw=="]) {
      change(literal)
      yield* settle
    }
    assert.deepStrictEqual(names(), ["hello-v1", "hello-v3"])
    assert.isUndefined(api.find(Packages, metadata("hello-v2")))
    api.put(FunctionAliases, { metadata: metadata("prod"), spec: { functionName: "hello", version: "hello-v3" } })
    yield* settle
    yield* settle
    assert.deepStrictEqual(names(), ["hello-v3"])
  })
)

it.effect("writes onto an alias which version its digest is that of", () =>
  Effect.gen(function* () {
    const { api, change, settle, specOf } = yield* startWith({ mode: "auto" })
    change("Mg==")
    yield* settle
    const { packageDigest } = specOf("hello-v1")
    api.put(FunctionAliases, { metadata: metadata("prod"), spec: { functionName: "hello", packageDigest } })
    yield* settle
    const status = Object(api.find(FunctionAliases, metadata("prod"))?.["status"])
    assert.strictEqual(status.resolvedVersion, "hello-v1")
  })
)
