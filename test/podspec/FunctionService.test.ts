import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import type { FissionFunction } from "../../src/fission/Function.ts"
import { Services } from "../../src/fission/ResourceKind.ts"
import { functionService, isFunctionService, servedBy, updatedService } from "../../src/podspec/FunctionService.ts"
import { chartSettings, differences, frozen, type Permitted, read } from "./StockObjects.ts"

/** The Services that the stock executor made for functions of poolmgr. */
const recordings = [
  "pm-basic-after-first",
  "pm-basic-v1-version",
  "pm-custom-specialized",
  "pm-grace0-specialized",
  "pm-inf-specialized",
  "pm-inf2-specialized",
  "pm-oci-specialized",
  "pm-secret-specialized",
  "pm-spec300-specialized",
  "pm-tenant-specialized",
  "pm-url-specialized",
  "pm-v1-specialized"
]

const permitted: ReadonlyArray<Permitted> = [
  { path: ["metadata", "annotations", "executorInstanceId"], reason: "another one in every process" }
]

/** What an API server fills in. */
const serverFields: { readonly [field: string]: unknown } = {
  clusterIPs: ["None"],
  type: "ClusterIP",
  sessionAffinity: "None",
  ipFamilies: ["IPv4"],
  ipFamilyPolicy: "SingleStack",
  internalTrafficPolicy: "Cluster"
}
const serverMetadata = new Set(["uid", "resourceVersion", "creationTimestamp", "managedFields"])

const recorded = (name: string) => frozen(read(`objects/${name}-service.json`))

/** The function of a recorded Service, and the generation of it that the Service leads to. */
const functionOf = (name: string) => {
  const { labels } = recorded(name).metadata
  const fn: FissionFunction = {
    metadata: { name: labels.functionName, namespace: labels.functionNamespace, uid: labels.functionUid },
    spec: {}
  }
  return { fn, served: servedBy(Result.getOrThrow(Services.decode(recorded(name)))) }
}

const built = (name: string, variables: { readonly [variable: string]: string } = {}) =>
  Effect.map(chartSettings(variables), (settings) => {
    const { fn, served } = functionOf(name)
    return frozen(functionService(fn, served, settings, "instance"))
  })

/** A recorded Service with another selector. */
const selecting = (name: string, change: { readonly [label: string]: string | undefined }) => {
  const { spec, ...rest } = recorded(name)
  return { ...rest, spec: { ...spec, selector: JSON.parse(JSON.stringify({ ...spec.selector, ...change })) } }
}

const generation = "fission.io/function-generation"

describe("the Service of a function", () => {
  it.effect.each(recordings)("%s equals the stock executor's, field by field", (name) =>
    Effect.gen(function* () {
      const { metadata, spec } = JSON.parse(JSON.stringify(yield* built(name)))
      const stock = recorded(name)
      const held = Object.entries(stock.metadata).filter(([field]) => !serverMetadata.has(field))
      assert.deepStrictEqual(
        differences(
          name,
          { metadata, spec },
          { metadata: Object.fromEntries(held), spec: stock.spec },
          permitted,
          (field, value) => JSON.stringify(serverFields[field]) === JSON.stringify(value)
        ),
        []
      )
    })
  )

  it.effect.each(recordings)("%s as the stock executor left it needs no write when we take over (section 15)", (name) =>
    Effect.gen(function* () {
      const stock = recorded(name)
      assert.strictEqual(updatedService(stock, yield* built(name)), stock)
      assert.isTrue(isFunctionService(Result.getOrThrow(Services.decode(stock))))
    })
  )

  it.effect("has no owner in another namespace, nor where the settings forbid it (R14)", () =>
    Effect.gen(function* () {
      const apart = yield* built("pm-basic-after-first", { FISSION_FUNCTION_NAMESPACE: "functions" })
      assert.deepStrictEqual([apart.metadata.namespace, apart.metadata.ownerReferences], ["functions", undefined])
      const forbidden = yield* built("pm-basic-after-first", { DISABLE_OWNER_REFERENCES: "true" })
      assert.isUndefined(forbidden.metadata.ownerReferences)
    })
  )
})

describe("a Service that differs", () => {
  const name = "pm-basic-after-first"

  it.effect("W24: follows a newer generation, and never an older one", () =>
    Effect.gen(function* () {
      const desired = yield* built(name)
      const behind = updatedService(selecting(name, { [generation]: "1" }), desired)
      assert.deepStrictEqual(behind["spec"], recorded(name).spec)
      const ahead = selecting(name, { [generation]: "3" })
      assert.strictEqual(updatedService(ahead, desired), ahead)
    })
  )

  it.effect.each<readonly [what: string, change: { readonly [label: string]: string | undefined }]>([
    ["a pod need not serve", { "fission.io/served": undefined }],
    ["a pod must also be somebody else's", { team: "a" }],
    ["the generation is no number", { [generation]: "newest" }]
  ])("gets its selector back where %s", ([, change]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(updatedService(selecting(name, change), yield* built(name))["spec"], recorded(name).spec)
    })
  )

  it.effect("keeps what others gave it, and gets its labels, owner and port back", () =>
    Effect.gen(function* () {
      const { metadata, spec, ...rest } = recorded(name)
      const edited = {
        ...rest,
        metadata: { ...metadata, labels: { team: "a" }, annotations: { note: "b" }, ownerReferences: [] },
        spec: { ...spec, ports: [{ port: 80, targetPort: 8080 }], publishNotReadyAddresses: true }
      }
      const desired = yield* built(name)
      const wanted = updatedService(edited, desired)
      assert.deepStrictEqual(wanted.metadata, {
        ...metadata,
        labels: { ...metadata.labels, team: "a" },
        annotations: { note: "b", executorInstanceId: "instance" }
      })
      assert.deepStrictEqual(wanted["spec"], {
        ...spec,
        ports: desired.spec["ports"],
        publishNotReadyAddresses: true
      })
    })
  )
})
