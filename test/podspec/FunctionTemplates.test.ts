import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import type { Environment } from "../../src/fission/Environment.ts"
import type { FissionFunction } from "../../src/fission/Function.ts"
import { Environments, Functions } from "../../src/fission/ResourceKind.ts"
import { autoscalerSpec } from "../../src/podspec/Autoscaler.ts"
import { containerTemplate } from "../../src/podspec/ContainerTemplate.ts"
import { functionObjects } from "../../src/podspec/FunctionObjects.ts"
import { type Json, listOf } from "../../src/podspec/Json.ts"
import { newdeployTemplate } from "../../src/podspec/NewdeployTemplate.ts"
import { referencedObjects, versionSum } from "../../src/fission/ReferencedObjects.ts"
import { chartSettings, frozen } from "./StockObjects.ts"

const uid = "abcdef01-2345-6789-abcd-ef0123456789"

const functionOf = (spec: Json, metadata: Json = {}): FissionFunction =>
  frozen(
    Result.getOrThrow(
      Functions.decode({ metadata: { name: "hello", namespace: "default", uid, generation: 1, ...metadata }, spec })
    )
  )

const environmentOf = (spec: Json, metadata: Json = {}): Environment =>
  frozen(
    Result.getOrThrow(
      Environments.decode({
        metadata: { name: "node", namespace: "default", uid: "env-uid", ...metadata },
        spec: { version: 3, runtime: { image: "node" }, ...spec }
      })
    )
  )

const named = (name: string, podSpec: Json) => listOf(podSpec["containers"]).find((one) => one["name"] === name) ?? {}

/** A function of the type container whose pod spec has that container besides name, image and port. */
const ofContainer = (spec: Json = {}, container: Json = {}) =>
  functionOf({
    podspec: { containers: [{ name: "hello", image: "app", ports: [{ containerPort: 8080 }], ...container }] },
    ...spec
  })

const variables = (values: { readonly [name: string]: string }) =>
  Object.entries(values).map(([name, value]) => ({ name, value }))

const strategy = (ExecutionStrategy: Json) => functionOf({ InvokeStrategy: { ExecutionStrategy } })

describe("the pods of newdeploy", () => {
  it.effect("25.4: have the Function's variables before those of the platform, and each name once (section 10)", () =>
    Effect.gen(function* () {
      const settings = yield* chartSettings({ STATESVC_URL: "http://state" })
      const environment = environmentOf({
        runtime: { image: "node", container: { env: variables({ A: "env", B: "env" }) } }
      })
      const fn = functionOf({
        env: variables({ B: "fn", RESOURCE_VERSION_COUNT: "fn" }),
        envFrom: [{ secretRef: { name: "s" } }]
      })
      const { spec } = Result.getOrThrow(newdeployTemplate(fn, environment, settings, 7n))
      const { env, envFrom } = named("node", spec)
      assert.deepStrictEqual(env, [
        ...variables({ A: "env", B: "fn", RESOURCE_VERSION_COUNT: "7", FISSION_STATE_URL: "http://state" }),
        ...variables({ FISSION_STATE_TOKEN_PATH: "/userfunc/.fission-state-token" })
      ])
      assert.deepStrictEqual(envFrom, [{ secretRef: { name: "s" } }])
    })
  )

  it.effect("may not refer to objects of another namespace than their own (section 10)", () =>
    Effect.gen(function* () {
      const settings = yield* chartSettings({ FISSION_FUNCTION_NAMESPACE: "fns" })
      const environment = environmentOf({})
      const literal = newdeployTemplate(functionOf({ env: variables({ A: "1" }) }), environment, settings, 0n)
      const reference = newdeployTemplate(
        functionOf({ envFrom: [{ secretRef: { name: "s" } }] }),
        environment,
        settings,
        0n
      )
      assert.deepStrictEqual([Result.isSuccess(literal), Result.isSuccess(reference)], [true, false])
    })
  )

  it.effect("run in the container that the Environment names, whether it has a pod spec or not (section 6)", () =>
    Effect.gen(function* () {
      const settings = yield* chartSettings()
      const mainOf = (runtime: Json) =>
        Result.map(
          newdeployTemplate(functionOf({}), environmentOf({ runtime }), settings, 0n),
          (made) => made.mainContainer
        )
      const container = { name: "own" }
      assert.deepStrictEqual(mainOf({ image: "node", container }), Result.succeed("own"))
      assert.deepStrictEqual(
        mainOf({ image: "node", container, podspec: { containers: [{ name: "other", image: "x" }] } }),
        Result.fail(["runtime container own not found in pod spec"])
      )
    })
  )

  it.effect("take cpu and memory of the Function over those of the Environment (section 9)", () =>
    Effect.gen(function* () {
      const environment = environmentOf({ resources: { requests: { cpu: "1", memory: "1Gi" }, limits: { gpu: "1" } } })
      const fn = functionOf({ resources: { requests: { cpu: "2", memory: "0", gpu: "3" }, limits: { memory: "2Gi" } } })
      const { spec } = Result.getOrThrow(newdeployTemplate(fn, environment, yield* chartSettings(), 0n))
      assert.deepStrictEqual(named("node", spec)["resources"], {
        requests: { cpu: "2", memory: "1Gi" },
        limits: { gpu: "1", memory: "2Gi" }
      })
    })
  )

  it.effect("25.2: are kept out of the mesh only where their Environment may call anybody (section 16)", () =>
    Effect.gen(function* () {
      const settings = yield* chartSettings({ ENABLE_ISTIO: "true" })
      const annotationsOf = (spec: Json) =>
        Result.getOrThrow(newdeployTemplate(functionOf({}), environmentOf(spec), settings, 0n)).annotations
      assert.deepStrictEqual(annotationsOf({}), {})
      assert.deepStrictEqual(annotationsOf({ allowAccessToExternalNetwork: true }), {
        "sidecar.istio.io/inject": "false"
      })
    })
  )
})

describe("the pods of container", () => {
  it.effect("get every listed object as variables where the Function names no sources (section 10)", () =>
    Effect.gen(function* () {
      const lists = {
        secrets: [{ namespace: "default", name: "s" }],
        configmaps: [{ namespace: "default", name: "c" }]
      }
      const { annotations, spec } = Result.getOrThrow(
        containerTemplate(ofContainer(lists), yield* chartSettings({ ENABLE_ISTIO: "true" }), 3n)
      )
      const { env, envFrom, lifecycle } = named("hello", spec)
      assert.deepStrictEqual(envFrom, [{ configMapRef: { name: "c" } }, { secretRef: { name: "s" } }])
      assert.deepStrictEqual(env, variables({ RESOURCE_VERSION_COUNT: "3" }))
      assert.deepStrictEqual(lifecycle, { preStop: { sleep: { seconds: 360 } } })
      assert.deepStrictEqual(annotations, { "sidecar.istio.io/inject": "false" })
    })
  )

  it.effect("have no token of a service account where their pod spec wants none (section 8.2)", () =>
    Effect.gen(function* () {
      const fn = ofContainer()
      const podspec = { ...fn.spec.podspec, automountServiceAccountToken: false }
      const { ignored, spec } = Result.getOrThrow(
        containerTemplate({ ...fn, spec: { ...fn.spec, podspec } }, yield* chartSettings(), 0n)
      )
      assert.isFalse(spec["automountServiceAccountToken"])
      assert.deepStrictEqual(ignored, [])
    })
  )

  it.effect("25.2: mount what names a path, under a name of at most 63 characters (section 10)", () =>
    Effect.gen(function* () {
      const name = "s".repeat(60)
      const fn = ofContainer({ secrets: [{ namespace: "default", name, mountPath: "a/../b/" }] })
      const { spec } = Result.getOrThrow(containerTemplate(fn, yield* chartSettings(), 0n))
      const volume = `fission-secret-${"s".repeat(46)}-0`
      assert.deepStrictEqual(spec["volumes"], [{ name: volume, secret: { secretName: name, defaultMode: 488 } }])
      assert.deepStrictEqual(named("hello", spec)["volumeMounts"], [
        { name: volume, readOnly: true, mountPath: "/secrets/b" }
      ])
    })
  )

  it.effect.each<readonly [problem: string, fn: FissionFunction]>([
    ["executor type container requires a pod spec (spec.podspec)", functionOf({})],
    ["its pod spec must have exactly one container, not 0", functionOf({ podspec: { containers: [], hostname: "h" } })],
    ["the container of its pod spec must have the function's name", ofContainer({}, { name: "other" })],
    ["the container of its pod spec must have exactly one port", ofContainer({}, { ports: [] })],
    [
      `mountPath "../x" of s is not a relative path below its directory`,
      ofContainer({ secrets: [{ namespace: "default", name: "s", mountPath: "../x" }] })
    ],
    [
      "secret s must be in same namespace as function namespace",
      ofContainer({ secrets: [{ namespace: "other", name: "s" }] })
    ],
    [
      "Function.spec.podspec.containers[hello].securityContext.privileged=true is not allowed",
      ofContainer({}, { securityContext: { privileged: true } })
    ]
  ])("cannot be made: %s", ([problem, fn]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(containerTemplate(fn, yield* chartSettings(), 0n), Result.fail([problem]))
    })
  )
})

describe("the objects of a function", () => {
  it.effect("25.15: have no owner in another namespace (section 3.3)", () =>
    Effect.gen(function* () {
      const fn = ofContainer()
      const ownersWith = (variables: { readonly [name: string]: string }) =>
        Effect.map(chartSettings(variables), (settings) => {
          const template = Result.getOrThrow(containerTemplate(fn, settings, 0n))
          return functionObjects("container", { fn, template, port: 8080, instanceId: "i" }, settings).service.metadata
        })
      assert.strictEqual((yield* ownersWith({}))["ownerReferences"] !== undefined, true)
      assert.isUndefined((yield* ownersWith({ FISSION_FUNCTION_NAMESPACE: "fns" }))["ownerReferences"])
      assert.isUndefined((yield* ownersWith({ DISABLE_OWNER_REFERENCES: "true" }))["ownerReferences"])
    })
  )

  it.effect("keep the labels of the system, whatever the Function's own labels say (section 3.1)", () =>
    Effect.gen(function* () {
      const settings = yield* chartSettings({ CLUSTER_DOMAIN: "example.org" })
      const fn = {
        ...ofContainer(),
        metadata: functionOf({}, { labels: { functionUid: "stolen", own: "1" } }).metadata
      }
      const template = Result.getOrThrow(containerTemplate(fn, settings, 0n))
      const { address, service } = functionObjects("container", { fn, template, port: 8080, instanceId: "i" }, settings)
      assert.deepInclude(service.metadata.labels, { functionUid: uid, own: "1" })
      assert.strictEqual(address, "container-hello-default-abcd-ef0123456789.default.svc.example.org.")
    })
  )
})

describe("an autoscaler", () => {
  it("has at least one replica, and at most as many as the Function says (section 14)", () => {
    const bounds = (given: Json) => {
      const { maxReplicas, minReplicas } = autoscalerSpec(strategy(given), "d", "c")
      return [minReplicas, maxReplicas]
    }
    assert.deepStrictEqual(bounds({ MinScale: 0, MaxScale: 3 }), [1, 3])
    assert.deepStrictEqual(bounds({ MinScale: 2 }), [2, 2])
  })

  it("ignores a target of 100 percent, and measures 80 where nothing else is left (section 14)", () => {
    const { metrics } = autoscalerSpec(strategy({ MaxScale: 1, TargetCPUPercent: 100 }), "d", "main")
    const target = { type: "Utilization", averageUtilization: 80 }
    assert.deepStrictEqual(metrics, [
      { type: "ContainerResource", containerResource: { name: "cpu", target, container: "main" } }
    ])
  })
})

describe("the sum of versions", () => {
  it("25.5: counts each object once, what is missing as 0, no foreign one, and is exact above 2^53 (section 11)", () => {
    assert.strictEqual(versionSum(["9007199254740993", "2", undefined, null, "odd"]), 9_007_199_254_740_995n)
    const fn = functionOf({
      secrets: [
        { namespace: "default", name: "a" },
        { namespace: "other", name: "foreign" }
      ],
      env: [{ name: "X", valueFrom: { secretKeyRef: { name: "a", key: "k" } } }],
      envFrom: [{ secretRef: { name: "b" } }, { configMapRef: { name: "c" } }]
    })
    assert.deepStrictEqual(referencedObjects(fn), { secrets: ["a", "b"], configMaps: ["c"] })
  })
})
