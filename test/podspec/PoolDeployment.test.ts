import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import type { Environment } from "../../src/fission/Environment.ts"
import { runtimeFingerprint, runtimeHash } from "../../src/fission/RuntimeHash.ts"
import { isCurrent, isDeploymentCurrent, poolDeployment } from "../../src/podspec/PoolDeployment.ts"
import { environment, settingsOf } from "./environments.ts"
import { frozen } from "./StockObjects.ts"

type Variables = { readonly [name: string]: string }

const built = (of: Environment, variables: Variables = {}) =>
  Effect.map(settingsOf(variables), (settings) => Result.getOrThrow(poolDeployment(of, settings, "abcdefgh")))

describe("the owner of a pool's Deployment", () => {
  const owner = {
    apiVersion: "fission.io/v1",
    kind: "Environment",
    name: "node",
    uid: "env-1",
    controller: true,
    blockOwnerDeletion: true
  }
  it.effect.each<
    readonly [name: string, environmentNamespace: string, variables: Variables, namespace: string, owned: boolean]
  >([
    ["is its Environment", "team-a", {}, "team-a", true],
    ["is nobody where that is switched off", "team-a", { DISABLE_OWNER_REFERENCES: "true" }, "team-a", false],
    [
      "is nobody in another namespace, where Kubernetes would collect it (W29)",
      "default",
      { FISSION_FUNCTION_NAMESPACE: "functions" },
      "functions",
      false
    ],
    [
      "is its Environment where the function namespace does not apply",
      "team-a",
      { FISSION_FUNCTION_NAMESPACE: "functions" },
      "team-a",
      true
    ]
  ])("%s", ([, environmentNamespace, variables, namespace, owned]) =>
    Effect.gen(function* () {
      const { deployment } = yield* built(environment({}, {}, { namespace: environmentNamespace }), variables)
      assert.strictEqual(deployment.metadata.namespace, namespace)
      assert.deepStrictEqual(deployment.metadata["ownerReferences"], owned ? [owner] : undefined)
    })
  )
})

describe("the Deployment of a pool", () => {
  it.effect("selects by labels that never change with the runtime", () =>
    Effect.gen(function* () {
      const { deployment } = yield* built(environment({}, {}, { labels: { team: "a" } }))
      assert.deepStrictEqual(deployment.spec.selector, {
        matchLabels: {
          team: "a",
          executorType: "poolmgr",
          environmentName: "node",
          environmentNamespace: "team-a",
          environmentUid: "env-1",
          managed: "true"
        }
      })
    })
  )

  it.effect("says who made it and for what, which its template does not", () =>
    Effect.gen(function* () {
      const { deployment } = yield* built(environment())
      assert.deepStrictEqual(deployment.metadata.annotations, {
        executorInstanceId: "abcdefgh",
        "fission.io/runtime-fingerprint": runtimeFingerprint(environment())
      })
      assert.notInclude(JSON.stringify(deployment.spec), "abcdefgh")
    })
  )

  it.effect("names what it does not take of a podspec (W31)", () =>
    Effect.gen(function* () {
      const podspec = { hostname: "h", dnsConfig: { nameservers: ["1.1.1.1"] } }
      assert.deepStrictEqual((yield* built(environment({ podspec }))).ignored, ["spec.runtime.podspec.dnsConfig"])
    })
  )

  it.effect("is not made for an Environment that asks for more than a function pod may have (R2)", () =>
    Effect.gen(function* () {
      const unsafe = environment({ podspec: { hostNetwork: true, serviceAccountName: "admin" } })
      const error = Result.getOrThrow(Result.flip(poolDeployment(unsafe, yield* settingsOf(), "abcdefgh")))
      assert.strictEqual(
        error.message,
        "environment team-a/node: Environment.spec.runtime.podspec.hostNetwork is not allowed; " +
          "Environment.spec.runtime.podspec.serviceAccountName override is not allowed"
      )
    })
  )
})

describe("a pod is current (poolmgr.md section 5)", () => {
  const current = environment()
  const overlaid = environment({ podspec: { hostname: "h" } })
  const hash = runtimeHash(current) ?? ""
  const identity = (labels: Variables, annotations: Variables = {}) =>
    frozen({ labels: { environmentUid: "env-1", ...labels }, annotations })
  const label = (value: string) => ({ "fission.io/env-runtime-hash": value })
  const fingerprint = (value: string) => ({ "fission.io/runtime-fingerprint": value })

  it.each<readonly [name: string, of: Environment, labels: Variables, annotations: Variables, isCurrent: boolean]>([
    ["with our fingerprint", current, {}, fingerprint(runtimeFingerprint(current)), true],
    ["with our fingerprint, whatever the label", current, label("0"), fingerprint(runtimeFingerprint(current)), true],
    ["not with another fingerprint, whatever the label", current, label(hash), fingerprint("0"), false],
    ["with the stock label", current, label(hash), {}, true],
    ["not with another stock label", current, label("0"), {}, false],
    ["with any stock label where we cannot reproduce it", overlaid, label("0"), {}, true],
    ["with neither", current, {}, {}, true],
    ["not of another Environment", current, { environmentUid: "env-2", ...label(hash) }, {}, false]
  ])("%s", (_, of, labels, annotations, expected) => {
    assert.strictEqual(isCurrent(of, identity(labels, annotations)), expected)
  })
})

describe("a pool's Deployment is current (poolmgr.md section 5)", () => {
  it.effect("while its annotation is that of the Environment, whatever the settings", () =>
    Effect.gen(function* () {
      const made = environment({}, { poolsize: 1 })
      const { deployment } = yield* built(made, { FETCHER_IMAGE: "fetcher:1" })
      const settings = yield* settingsOf({ FETCHER_IMAGE: "fetcher:2" })
      assert.isTrue(isDeploymentCurrent(made, settings, deployment))
      assert.isTrue(isDeploymentCurrent(environment({}, { poolsize: 9 }), settings, deployment))
      assert.isFalse(isDeploymentCurrent(environment({ image: "node:2" }), settings, deployment))
      assert.isFalse(isDeploymentCurrent(environment({}, {}, { uid: "env-2" }), settings, deployment))
    })
  )
})
