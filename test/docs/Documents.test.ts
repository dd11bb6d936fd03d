import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { reference, referenceFile } from "../../docs/reference/generate.ts"

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")

describe("docs/extending.md", () => {
  it.each(readdirSync(new URL("../../examples", import.meta.url)))("shows examples/%s as it is", (name) => {
    assert.include(read("docs/extending.md"), `\`\`\`ts\n// examples/${name}\n${read(`examples/${name}`)}\`\`\`\n`)
  })
})

describe("docs/reference/api.md", () => {
  it("is what npm run reference makes of the doc comments", () => {
    assert.strictEqual(readFileSync(referenceFile, "utf8"), reference())
  })
})
