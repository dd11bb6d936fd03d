import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { Settings } from "../src/Config.ts"
import { parsePodSpecPatch, readPodSpecPatch } from "../src/PodSpecPatch.ts"

const problem = (text: string) => Result.getOrThrow(Result.flip(parsePodSpecPatch(text)))

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "podspec-patch-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

describe("the operator's pod spec patch", () => {
  it("is a pod spec in YAML", () => {
    const text = `
nodeSelector: {pool: functions}
tolerations:
  - key: dedicated
    operator: Exists
terminationGracePeriodSeconds: 30
containers:
  - name: agent
    image: agent:1
`
    assert.deepStrictEqual(Result.getOrThrow(parsePodSpecPatch(text)), {
      nodeSelector: { pool: "functions" },
      tolerations: [{ key: "dedicated", operator: "Exists" }],
      terminationGracePeriodSeconds: 30,
      containers: [{ name: "agent", image: "agent:1" }]
    })
  })

  it.each(["", "# nothing yet\n", "null", "{}", "---\n"])("may say nothing: %j", (text) => {
    assert.deepStrictEqual(Result.getOrThrow(parsePodSpecPatch(text)), {})
  })

  it.each<readonly [text: string, problem: string]>([
    ["hostname: a\nhostname: b", "Map keys must be unique at line 2, column 1"],
    ["hostname: a\n---\nhostname: b", "it holds more than one document"],
    [
      "hostname: [a",
      "Flow sequence in block collection must be sufficiently indented and end with a ] at line 1, column 13"
    ],
    ["hostname: !go a", "Unresolved tag: !go at line 1, column 11"],
    ["- hostname: a", "it is no pod spec"],
    ["just text", "it is no pod spec"],
    ["spec: {hostname: a}", "unknown field spec"],
    ["hostName: a\nnodeSelectors: {}", "unknown field hostName; unknown field nodeSelectors"],
    ["hostname: 5", "hostname is no string"],
    ["tolerations: {key: a}", "tolerations is no Array<V1Toleration>"],
    ["nodeSelector: pool", "nodeSelector is no { [key: string]: string; }"],
    ["terminationGracePeriodSeconds: 30s", "terminationGracePeriodSeconds is no number"],
    ["containers: [{image: a}]", "containers[0] has no name"],
    ["containers: [agent]", "containers[0] has no name"],
    ["initContainers: [{name: a, img: b}]", "unknown field initContainers[0].img"],
    ["containers: [{name: a}, {name: b, args: -x}]", "containers[1].args is no Array<string>"]
  ])("is refused as a whole: %j", (text, expected) => {
    assert.strictEqual(problem(text), expected)
  })

  it.effect("is nothing where there is no file", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      assert.deepStrictEqual(Result.getOrThrow(readPodSpecPatch(join(folder, "absent.yaml"))), {})
    })
  )

  it.effect("that cannot be read is a problem", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      assert.include(Result.getOrThrow(Result.flip(readPodSpecPatch(folder))), "EISDIR")
    })
  )
})

describe("the setting EXECUTOR_PODSPEC_PATCH_FILE", () => {
  const settingsWith = (text: string) =>
    Effect.gen(function* () {
      const file = join(yield* temporaryFolder, "patch.yaml")
      yield* Effect.sync(() => writeFileSync(file, text))
      const settings = yield* Effect.provide(Settings, Settings.layer({ EXECUTOR_PODSPEC_PATCH_FILE: file }))
      return { file, settings }
    })

  it.effect("names the file", () =>
    Effect.gen(function* () {
      const { settings } = yield* settingsWith("hostname: operator")
      assert.deepStrictEqual(settings.podSpecPatch, { hostname: "operator" })
      assert.deepStrictEqual(settings.invalid, [])
    })
  )

  it.effect("of a file that cannot be used leaves pods as they are, and says why", () =>
    Effect.gen(function* () {
      const { file, settings } = yield* settingsWith("hostname: operator\nhostNetworks: true")
      assert.deepStrictEqual(settings.podSpecPatch, {})
      assert.deepStrictEqual(settings.invalid, [
        { setting: "EXECUTOR_PODSPEC_PATCH_FILE", value: `${file}: unknown field hostNetworks`, used: "no patch" }
      ])
    })
  )
})
