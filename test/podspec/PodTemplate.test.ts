import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { type Json, listOf } from "../../src/podspec/Json.ts"
import { podTemplate } from "../../src/podspec/PodTemplate.ts"
import { containerOf, environment, names, patchedWith, podOf, settingsOf } from "./environments.ts"
import { at, read } from "./StockObjects.ts"

const sleepOf = (container: Json) => at(container, "lifecycle", "preStop", "sleep", "seconds")

const problemsOf = (runtime: Json) =>
  Effect.map(settingsOf(), (settings) => Result.getOrThrow(Result.flip(podTemplate(environment(runtime), settings))))

describe("the runtime container", () => {
  it.effect("may have a name of its own, with or without a podspec (W30)", () =>
    Effect.gen(function* () {
      const settings = yield* settingsOf()
      const { container } = read("crs/env-name.json").spec.runtime
      for (const runtime of [{ container }, { container, podspec: { hostname: "h" } }]) {
        const { podSpec } = podOf(environment(runtime), settings)
        assert.deepStrictEqual(names(podSpec["containers"]), ["other-name", "fetcher"])
        const mounts = names(containerOf(podSpec, "other-name")["volumeMounts"])
        assert.deepStrictEqual(mounts, ["userfunc", "secrets", "configmaps", "podinfo"])
      }
    })
  )

  it.effect("is found by its own name in a podspec", () =>
    Effect.gen(function* () {
      const podspec = { containers: [{ name: "own", args: ["-x"] }] }
      const { podSpec } = podOf(environment({ container: { name: "own" }, podspec }), yield* settingsOf())
      assert.deepStrictEqual(names(podSpec["containers"]), ["own", "fetcher"])
      assert.deepStrictEqual(containerOf(podSpec, "own")["args"], ["-x"])
    })
  )

  it.effect("may have its image from an overlay", () =>
    Effect.gen(function* () {
      const settings = yield* settingsOf()
      const container = environment({ image: "", container: { image: "own:1" } })
      const podspec = environment({ image: "", podspec: { containers: [{ name: "node", image: "own:2" }] } })
      assert.strictEqual(containerOf(podOf(container, settings).podSpec, "node")["image"], "own:1")
      assert.strictEqual(containerOf(podOf(podspec, settings).podSpec, "node")["image"], "own:2")
    })
  )

  it.effect("has one handler before it stops, the user's where there is one", () =>
    Effect.gen(function* () {
      const { container } = read("crs/env-prestop.json").spec.runtime
      const { podSpec } = podOf(environment({ container }, {}, { name: "env-prestop" }), yield* settingsOf())
      const { lifecycle } = containerOf(podSpec, "env-prestop")
      assert.deepStrictEqual(lifecycle, { preStop: { exec: { command: ["sleep", "5"] } } })
    })
  )

  it.effect("knows where the state service is, where there is one", () =>
    Effect.gen(function* () {
      const settings = yield* settingsOf({ STATESVC_URL: "http://statesvc.fission:8893" })
      const { podSpec } = podOf(environment(), settings)
      assert.deepStrictEqual(containerOf(podSpec, "node")["env"], [
        { name: "FISSION_STATE_URL", value: "http://statesvc.fission:8893" },
        { name: "FISSION_STATE_TOKEN_PATH", value: "/userfunc/.fission-state-token" }
      ])
      assert.isUndefined(containerOf(podOf(environment(), yield* settingsOf()).podSpec, "node")["env"])
    })
  )

  it.effect("never mounts the fetcher's token (W37)", () =>
    Effect.gen(function* () {
      const container = { volumeMounts: [{ name: "fission-fetcher-sa-token", mountPath: "/token" }] }
      const { ignored, podSpec } = podOf(environment({ container }), yield* settingsOf())
      assert.notInclude(JSON.stringify(containerOf(podSpec, "node")), "token")
      assert.deepStrictEqual(ignored, ["spec.runtime.container.volumeMounts[/token]"])
    })
  )
})

describe("the sleep before SIGTERM", () => {
  it.effect.each<
    readonly [name: string, terminationGracePeriod: number | null, podspec: Json, patch: Json, seconds: unknown]
  >([
    ["is 90 s where nothing is said", null, {}, {}, 90],
    ["is the Environment's grace", 20, {}, {}, 20],
    ["is absent without a grace", 0, {}, {}, undefined],
    ["follows the grace of a podspec (W31)", 20, { terminationGracePeriodSeconds: 45 }, {}, 45],
    ["is absent where a podspec takes the grace away", 20, { terminationGracePeriodSeconds: 0 }, {}, undefined],
    ["follows the grace of the operator", 20, {}, { terminationGracePeriodSeconds: 5 }, 5],
    [
      "follows the podspec before the operator",
      20,
      { terminationGracePeriodSeconds: 45 },
      { terminationGracePeriodSeconds: 5 },
      45
    ]
  ])("%s", ([, terminationGracePeriod, podspec, patch, seconds]) =>
    Effect.gen(function* () {
      const { podSpec } = podOf(environment({ podspec }, { terminationGracePeriod }), yield* patchedWith(patch))
      assert.strictEqual(podSpec["terminationGracePeriodSeconds"], seconds ?? 0)
      assert.strictEqual(sleepOf(containerOf(podSpec, "node")), seconds)
      assert.strictEqual(sleepOf(containerOf(podSpec, "fetcher")), seconds)
    })
  )
})

describe("the token of the fetcher", () => {
  it.effect("25.3: is mounted last, in the fetcher alone, and no podspec gives every container one", () =>
    Effect.gen(function* () {
      const volumeMounts = [{ name: "cache", mountPath: "/cache" }]
      const podspec = { automountServiceAccountToken: true, containers: [{ name: "fetcher", volumeMounts }] }
      const { ignored, podSpec } = podOf(environment({ podspec }), yield* settingsOf())
      assert.strictEqual(podSpec["automountServiceAccountToken"], false)
      assert.deepStrictEqual(listOf(containerOf(podSpec, "fetcher")["volumeMounts"]).slice(-2), [
        { name: "cache", mountPath: "/cache" },
        {
          name: "fission-fetcher-sa-token",
          readOnly: true,
          mountPath: "/var/run/secrets/kubernetes.io/serviceaccount"
        }
      ])
      assert.deepStrictEqual(ignored, ["spec.runtime.podspec.automountServiceAccountToken"])
    })
  )
})

describe("the operator's patch (poolmgr.md section 6.6)", () => {
  it.effect("goes under the Environment's own podspec", () =>
    Effect.gen(function* () {
      const settings = yield* patchedWith({
        hostname: "operator",
        schedulerName: "operator",
        tolerations: [{ key: "operator" }],
        nodeSelector: { pool: "operator" },
        volumes: [{ name: "operator", emptyDir: {} }],
        containers: [{ name: "node", env: [{ name: "OPERATOR" }] }, { name: "agent" }]
      })
      const podspec = {
        hostname: "mine",
        tolerations: [{ key: "mine" }],
        nodeSelector: { pool: "mine" },
        volumes: [{ name: "mine", emptyDir: {} }],
        containers: [{ name: "node", env: [{ name: "MINE" }] }, { name: "sidecar" }]
      }
      const { ignored, podSpec } = podOf(environment({ podspec }), settings)
      assert.deepStrictEqual(ignored, [])
      assert.strictEqual(podSpec["hostname"], "mine")
      assert.strictEqual(podSpec["schedulerName"], "operator")
      assert.deepStrictEqual(podSpec["tolerations"], [{ key: "operator" }, { key: "mine" }])
      assert.deepStrictEqual(podSpec["nodeSelector"], { pool: "operator" })
      assert.deepStrictEqual(names(podSpec["containers"]), ["node", "agent", "fetcher", "sidecar"])
      assert.deepStrictEqual(names(containerOf(podSpec, "node")["env"]), ["OPERATOR", "MINE"])
      assert.deepStrictEqual(names(podSpec["volumes"]), [
        "fission-fetcher-sa-token",
        "operator",
        "userfunc",
        "secrets",
        "configmaps",
        "podinfo",
        "mine"
      ])
    })
  )

  it.effect("gives its pull secrets besides the Environment's, and neither twice (W31)", () =>
    Effect.gen(function* () {
      const settings = yield* patchedWith({ imagePullSecrets: [{ name: "mirror" }, { name: "registry" }] })
      const secrets = (imagepullsecret: string, podspec: Json = {}) =>
        names(podOf(environment({ podspec }, { imagepullsecret }), settings).podSpec["imagePullSecrets"])
      assert.deepStrictEqual(secrets(""), ["mirror", "registry"])
      assert.deepStrictEqual(secrets("registry"), ["mirror", "registry"])
      assert.deepStrictEqual(secrets("mine", { imagePullSecrets: [{ name: "more" }] }), [
        "mirror",
        "registry",
        "mine",
        "more"
      ])
    })
  )

  it.effect("gives no privileges, and names what is not taken of it", () =>
    Effect.gen(function* () {
      const settings = yield* patchedWith({
        hostNetwork: true,
        containers: [{ name: "agent", securityContext: { privileged: true } }]
      })
      const { ignored, podSpec } = podOf(environment(), settings)
      assert.isUndefined(podSpec["hostNetwork"])
      assert.deepStrictEqual(containerOf(podSpec, "agent")["securityContext"], { privileged: false })
      assert.deepStrictEqual(ignored, ["the operator's patch: hostNetwork"])
    })
  )

  it.effect.each<readonly [name: string, patch: Json, problem: string]>([
    ["a volume of ours", { volumes: [{ name: "userfunc" }] }, 'two volumes are named "userfunc"'],
    ["a container named fetcher", { containers: [{ name: "fetcher" }] }, 'two containers are named "fetcher"'],
    [
      "a port of ours",
      { containers: [{ name: "node", ports: [{ name: "http-env" }] }] },
      'container "node" has two ports with name "http-env"'
    ]
  ])("is left out as a whole where it has %s", ([, patch, problem]) =>
    Effect.gen(function* () {
      const { ignored, podSpec } = podOf(environment(), yield* patchedWith({ hostname: "operator", ...patch }))
      assert.deepStrictEqual(podSpec, podOf(environment(), yield* settingsOf()).podSpec)
      assert.deepStrictEqual(ignored, [`the operator's patch, because ${problem}`])
    })
  )

  it.effect("is not blamed for what is wrong with the Environment itself", () =>
    Effect.gen(function* () {
      const settings = yield* patchedWith({ hostname: "operator" })
      const own = podTemplate(environment({ podspec: { volumes: [{ name: "secrets" }] } }), settings)
      assert.deepStrictEqual(Result.getOrThrow(Result.flip(own)), ['two volumes are named "secrets"'])
    })
  )
})

describe("no pod can be made", () => {
  it.effect.each<readonly [name: string, runtime: Json, problem: string]>([
    ["without an image", { image: "" }, "it has no runtime image (spec.runtime.image)"],
    [
      "where a volume is mounted over the code",
      { container: { volumeMounts: [{ name: "x", mountPath: "/userfunc" }] } },
      'container "node" has two volumeMounts with mountPath "/userfunc"'
    ],
    ["with a runtime named fetcher", { container: { name: "fetcher" } }, 'two containers are named "fetcher"']
  ])("%s", ([, runtime, problem]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* problemsOf(runtime), [problem])
    })
  )
})

describe("the template", () => {
  const annotationsOf = (spec: Json, variables: { readonly [name: string]: string }) =>
    Effect.gen(function* () {
      const metadata = { annotations: { note: "hello" } }
      const result = podTemplate(environment({}, spec, metadata), yield* settingsOf(variables))
      return at(Result.getOrThrow(result).template, "metadata", "annotations")
    })

  it.effect("keeps the mesh away where it was given access to the external network", () =>
    Effect.gen(function* () {
      const open = { allowAccessToExternalNetwork: true }
      assert.deepStrictEqual(yield* annotationsOf(open, { ENABLE_ISTIO: "true" }), {
        note: "hello",
        "sidecar.istio.io/inject": "false"
      })
      assert.deepStrictEqual(yield* annotationsOf({}, { ENABLE_ISTIO: "true" }), { note: "hello" })
      assert.deepStrictEqual(yield* annotationsOf(open, {}), { note: "hello" })
    })
  )

  it.effect("carries the stock label or, where that cannot be reproduced, our fingerprint, never both", () =>
    Effect.gen(function* () {
      const settings = yield* settingsOf({ ENABLE_ISTIO: "true" })
      const metadataOf = (runtime: Json) =>
        at(Result.getOrThrow(podTemplate(environment(runtime), settings)).template, "metadata")
      assert.isString(at(metadataOf({}), "labels", "fission.io/env-runtime-hash"))
      assert.isUndefined(at(metadataOf({}), "annotations"))
      const overlaid = metadataOf({ podspec: { hostname: "h" } })
      assert.isUndefined(at(overlaid, "labels", "fission.io/env-runtime-hash"))
      assert.isString(at(overlaid, "annotations", "fission.io/runtime-fingerprint"))
    })
  )
})
