import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { loadEntry, resolveEntry } from "../../../src/devcluster/pod/functionModule.ts"
import { temporaryDirectory } from "./podFixture.ts"

/** A directory with these files. */
const directoryOf = (files: { readonly [name: string]: string }) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    yield* Effect.promise(async () => {
      for (const [name, content] of Object.entries(files)) {
        await mkdir(join(directory, name, ".."), { recursive: true })
        await writeFile(join(directory, name), content)
      }
    })
    return directory
  })

describe("which module a load request means (function-pod-protocol.md section 10.3)", () => {
  const cases: ReadonlyArray<{
    readonly name: string
    readonly files: ReadonlyArray<string>
    readonly functionName: string
    readonly esm?: boolean
    readonly file: string
    readonly exportName?: string
  }> = [
    { name: "file and export", files: ["a.js", "b.js"], functionName: "b.main", file: "b.js", exportName: "main" },
    { name: "text after a second dot", files: ["a.js"], functionName: "a.x.y", file: "a.js", exportName: "x" },
    { name: "a file alone", files: ["a.js", "b.js"], functionName: "b", file: "b.js" },
    { name: "ES module order", files: ["a.mjs", "a.cjs"], functionName: "a", file: "a.mjs" },
    { name: "CommonJS order", files: ["a.mjs", "a.cjs"], functionName: "a", esm: false, file: "a.cjs" },
    { name: "the only module", files: ["x.mjs", "data.json"], functionName: "", file: "x.mjs" },
    { name: "index.js of several", files: ["a.js", "index.js", "main.js"], functionName: "", file: "index.js" },
    { name: "main.js of several", files: ["a.js", "main.js"], functionName: "", file: "main.js" },
    { name: "the first of several", files: ["b.js", "c.js"], functionName: "", file: "b.js" },
    { name: "main of package.json", files: ["b.js", "index.js", "package.json"], functionName: "", file: "b.js" },
    { name: "index of none", files: [], functionName: "", file: "index" },
    { name: "a name without a file", files: [], functionName: "none.main", file: "none", exportName: "main" }
  ]
  for (const { esm = true, exportName = "default", file, files, functionName, name } of cases) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const directory = yield* directoryOf(
          Object.fromEntries(files.map((file) => [file, file === "package.json" ? '{ "main": "./b.js" }' : ""]))
        )
        const entry = resolveEntry(directory, functionName, esm)
        assert.deepStrictEqual(entry, { path: join(directory, file), exportName })
      })
    )
  }

  it.effect("a file is the module whatever the name says", () =>
    Effect.gen(function* () {
      const path = join(yield* directoryOf({ deployarchive: "" }), "deployarchive")
      assert.deepStrictEqual(resolveEntry(path, "other.main", true), { path, exportName: "main" })
    })
  )
})

describe("loading", () => {
  const cases = [
    { name: "a CommonJS default export", file: "a.js", code: "module.exports = () => 'found'" },
    { name: "a CommonJS named export", file: "a.js", code: "exports.x = () => 'found'", exportName: "x" },
    {
      name: "a property of a CommonJS function",
      file: "a.js",
      code: "module.exports = () => 1; module.exports['x'] = () => 'found'",
      exportName: "x"
    },
    { name: "an ES module's default export in .js", file: "a.js", code: "export default () => 'found'" },
    { name: "an ES module's named export", file: "a.mjs", code: "export const x = () => 'found'", exportName: "x" },
    { name: "a file without extension", file: "deployarchive", code: "export default () => 'found'" },
    { name: "CommonJS by require", file: "a.js", code: "module.exports = () => 'found'", esm: false },
    { name: "a named export by require", file: "a.cjs", code: "exports.x = () => 'found'", exportName: "x", esm: false }
  ]
  for (const { code, esm = true, exportName = "default", file, name } of cases) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const path = join(yield* directoryOf({ [file]: code }), file)
        const userFunction = yield* Effect.promise(() => loadEntry({ path, exportName }, esm))
        assert.strictEqual(userFunction(), "found")
      })
    )
  }

  it.effect("refuses an export that is no function", () =>
    Effect.gen(function* () {
      const path = join(yield* directoryOf({ "a.js": "export default 1" }), "a.js")
      const refused = yield* Effect.flip(Effect.tryPromise(() => loadEntry({ path, exportName: "default" }, true)))
      assert.instanceOf(refused.cause, TypeError)
    })
  )
})
