import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import type { Environment } from "../../src/fission/Environment.ts"
import { runtimeFingerprint, runtimeHash } from "../../src/fission/RuntimeHash.ts"

type Spec = Partial<Environment["spec"]>
type Meta = Partial<Environment["metadata"]>
const environment = (spec: Spec = {}, metadata: Meta = {}): Environment => ({
  metadata: { name: "node", namespace: "team-a", ...metadata },
  spec: { version: 3, runtime: { image: "img:v2" }, ...spec }
})
const vector = "19be87e20c53386a"

describe("the stock executor's runtime hash (poolmgr.md section 5)", () => {
  it("is that of the vector", () => {
    assert.strictEqual(runtimeHash(environment()), vector)
  })

  it.for<readonly [name: string, spec: Spec]>([
    ["the grace period that is the default anyway", { terminationGracePeriod: 90 }],
    ["a pool size", { poolsize: 7 }],
    ["a version", { version: 2 }],
    ["keeping archives", { keeparchive: true }],
    ["empty resources", { resources: {} }],
    ["null resources", { resources: null }],
    ["empty requests and limits", { resources: { requests: {}, limits: {} } }]
  ])("does not change with %s", ([, spec]) => {
    assert.strictEqual(runtimeHash(environment(spec)), vector)
  })

  it.for<readonly [name: string, spec: Spec, metadata: Meta]>([
    ["the image", { runtime: { image: "img:v3" } }, {}],
    ["the grace period", { terminationGracePeriod: 0 }, {}],
    ["resources", { resources: { limits: { cpu: "100m", memory: "64Mi" } } }, {}],
    ["the pull secret", { imagepullsecret: "registry" }, {}],
    ["access to the network", { allowAccessToExternalNetwork: true }, {}],
    ["labels", {}, { labels: { a: "b" } }],
    ["labels that are empty, as Go tells them from none", {}, { labels: {} }],
    ["annotations", {}, { annotations: { a: "b" } }]
  ])("changes with %s", ([, spec, metadata]) => {
    const hash = runtimeHash(environment(spec, metadata))
    assert.match(hash ?? "", /^[0-9a-f]{16}$/u)
    assert.notStrictEqual(hash, vector)
  })

  it("does not depend on the order of maps", () => {
    assert.strictEqual(
      runtimeHash(environment({}, { labels: { a: "1", b: "2" } })),
      runtimeHash(environment({}, { labels: { b: "2", a: "1" } }))
    )
  })

  it("is that of the text that Go writes: keys sorted as text, nothing in it that HTML or a script could trip over", () => {
    const labels = { b: "x", "9": "nine", "10": "ten" }
    const annotations = { note: "<a> & \u2028" }
    const text = String.raw`{"runtime":{"image":"img:v2"},"resources":{"limits":{"cpu":"100m"}},"grace":5,"pullSecret":"registry","extNet":true,"labels":{"10":"ten","9":"nine","b":"x"},"annotations":{"note":"\u003ca\u003e \u0026 \u2028"}}`
    const spec = {
      resources: { limits: { cpu: "100m" } },
      terminationGracePeriod: 5,
      imagepullsecret: "registry",
      allowAccessToExternalNetwork: true
    }
    assert.strictEqual(
      runtimeHash(environment(spec, { labels, annotations })),
      createHash("sha256").update(text).digest("hex").slice(0, 16)
    )
  })

  it.for<readonly [name: string, spec: Spec]>([
    ["a container overlay", { runtime: { image: "img:v2", container: { name: "node" } } }],
    ["a pod overlay", { runtime: { image: "img:v2", podspec: { hostNetwork: true } } }],
    ["a quantity that Go would write differently", { resources: { limits: { cpu: "0.5" } } }],
    ["a quantity that Go would write in a larger unit", { resources: { limits: { memory: "1024Mi" } } }],
    ["a quantity that is a number", { resources: { limits: { cpu: 1 } } }],
    ["claims", { resources: { claims: [] } }]
  ])("is left out with %s, where it cannot be reproduced", ([, spec]) => {
    assert.isUndefined(runtimeHash(environment(spec)))
  })
})

describe("our own fingerprint (poolmgr.md section 5)", () => {
  const base = runtimeFingerprint(environment())

  it("is sixteen hex digits, with overlays too", () => {
    assert.match(base, /^[0-9a-f]{16}$/u)
    assert.match(
      runtimeFingerprint(environment({ runtime: { image: "i", podspec: { hostNetwork: true } } })),
      /^[0-9a-f]{16}$/u
    )
  })

  it.for<readonly [name: string, spec: Spec, metadata: Meta]>([
    ["annotations of kubectl", {}, { annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}" } }],
    ["empty labels", {}, { labels: {} }],
    ["null annotations", {}, { annotations: null }],
    ["empty resources", { resources: { limits: {} } }, {}],
    ["an empty pull secret", { imagepullsecret: "" }, {}],
    ["access to the network switched off in so many words", { allowAccessToExternalNetwork: false }, {}],
    ["the default grace period written out", { terminationGracePeriod: 90 }, {}],
    ["a pool size", { poolsize: 9 }, {}],
    ["a resourceVersion", {}, { resourceVersion: "99" }]
  ])("does not change with %s", ([, spec, metadata]) => {
    assert.strictEqual(runtimeFingerprint(environment(spec, metadata)), base)
  })

  it.for<readonly [name: string, spec: Spec, metadata: Meta]>([
    ["the image", { runtime: { image: "img:v3" } }, {}],
    ["a container overlay", { runtime: { image: "img:v2", container: { command: ["x"] } } }, {}],
    ["a pod overlay", { runtime: { image: "img:v2", podspec: { hostNetwork: true } } }, {}],
    ["a switch that is off", { runtime: { image: "img:v2", podspec: { enableServiceLinks: false } } }, {}],
    ["a quantity however written", { resources: { limits: { cpu: "0.5" } } }, {}],
    ["the grace period", { terminationGracePeriod: 0 }, {}],
    ["the pull secret", { imagepullsecret: "registry" }, {}],
    ["access to the network", { allowAccessToExternalNetwork: true }, {}],
    ["labels", {}, { labels: { a: "b" } }],
    ["annotations", {}, { annotations: { a: "b" } }]
  ])("changes with %s", ([, spec, metadata]) => {
    assert.notStrictEqual(runtimeFingerprint(environment(spec, metadata)), base)
  })

  it("does not depend on the order of fields, but on the order of lists", () => {
    const withContainer = (container: { readonly [field: string]: unknown }) =>
      runtimeFingerprint(environment({ runtime: { image: "i", container } }))
    assert.strictEqual(withContainer({ a: 1, b: { c: 2, d: 3 } }), withContainer({ b: { d: 3, c: 2 }, a: 1 }))
    assert.notStrictEqual(withContainer({ args: ["a", "b"] }), withContainer({ args: ["b", "a"] }))
  })
})
