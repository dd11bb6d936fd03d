import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import type { Environment } from "../../src/fission/Environment.ts"
import { type Json, listOf, objectOf } from "../../src/podspec/Json.ts"
import { podTemplate } from "../../src/podspec/PodTemplate.ts"
import { isOfStock } from "../../src/podspec/StockTemplate.ts"
import { patchedWith } from "./environments.ts"
import { chartSettings, environmentOf, frozen, read } from "./StockObjects.ts"

const live = (name: string): Json => frozen(read(`objects/${name}-pool-deployment.json`).spec.template)

const custom = environmentOf("env-custom")
const { podspec, ...runtime } = custom.spec.runtime

/** The Environment with overlays, with some fields of its podspec changed. */
const withPodSpec = (change: Json): Environment => ({
  ...custom,
  spec: { ...custom.spec, runtime: { ...runtime, podspec: { ...podspec, ...change } } }
})

const withMetadata = (metadata: Partial<Environment["metadata"]>): Environment => ({
  ...custom,
  metadata: { ...custom.metadata, ...metadata }
})

const isUnchanged = (environment: Environment, template: Json) =>
  Effect.map(chartSettings(), (settings) =>
    isOfStock(Result.getOrThrow(podTemplate(environment, settings)).template, template)
  )

describe("a template of the stock executor is no longer what the Environment asks for", () => {
  it.effect.each<readonly [name: string, environment: Environment]>([
    ["once the podspec sets one field more", withPodSpec({ hostname: "h" })],
    ["once the podspec switches something off", withPodSpec({ enableServiceLinks: false })],
    ["once the podspec lacks a field", withPodSpec({ nodeSelector: {} })],
    ["once a toleration is gone", withPodSpec({ tolerations: [] })],
    ["once a toleration has changed", withPodSpec({ tolerations: [{ key: "other", operator: "Exists" }] })],
    ["once a sidecar is gone", withPodSpec({ containers: listOf(podspec?.["containers"]).slice(0, 2) })],
    ["once the fetcher has no variable any more", withPodSpec({ containers: [{ name: "fetcher" }] })],
    ["once the grace is another", withPodSpec({ terminationGracePeriodSeconds: 46 })],
    ["once a label came", withMetadata({ labels: { ...custom.metadata.labels, new: "1" } })],
    ["once an annotation changed", withMetadata({ annotations: { "example.com/note": "bye" } })],
    ["once the pull secret is another", environmentOf("env-custom", { imagepullsecret: "other" })],
    ["once it has none", environmentOf("env-custom", { imagepullsecret: "" })],
    [
      "once a quantity is another",
      environmentOf("env-custom", { resources: { requests: { cpu: "101m" }, limits: { memory: "512Mi" } } })
    ]
  ])("%s", ([, environment]) =>
    Effect.gen(function* () {
      assert.isFalse(yield* isUnchanged(environment, live("env-custom")))
    })
  )
})

describe("a template of the stock executor is as good as ours", () => {
  const template = live("env-custom")
  const spec = objectOf(template["spec"])

  it.effect.each<readonly [name: string, environment: Environment, template: Json]>([
    [
      "in any order of containers (W22)",
      custom,
      { ...template, spec: { ...spec, containers: listOf(spec["containers"]).toReversed() } }
    ],
    [
      "with a manifest that was applied again (W09)",
      withMetadata({
        annotations: { ...custom.metadata.annotations, "kubectl.kubernetes.io/last-applied-configuration": "{}" }
      }),
      template
    ],
    [
      "with quantities as the server writes them",
      environmentOf("env-custom", { resources: { requests: { cpu: 0.1 }, limits: { memory: "524288Ki" } } }),
      template
    ],
    [
      "with fields that say what the server fills in",
      withPodSpec({ dnsPolicy: "ClusterFirst", restartPolicy: "Always", hostname: "" }),
      template
    ]
  ])("%s", ([, environment, template]) =>
    Effect.gen(function* () {
      assert.isTrue(yield* isUnchanged(environment, template))
    })
  )

  it.effect("without the operator's pull secrets, which it discards for the Environment's own (W31)", () =>
    Effect.gen(function* () {
      const { telemetryVariables, fetcher } = yield* chartSettings()
      const patched = yield* patchedWith({ imagePullSecrets: [{ name: "mirror" }] })
      const ours = podTemplate(custom, { ...patched, telemetryVariables, fetcher })
      assert.isTrue(isOfStock(Result.getOrThrow(ours).template, template))
    })
  )
})
