import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const text = (path: string) => readFileSync(pathOf(path), "utf8")

/** Each row of the register with the files that stand for it. */
const rows = text("docs/poolmgr-weaknesses.md")
  .split("\n")
  .flatMap((line) => {
    const [, id = "", tests = ""] = /^\| (W\d\d) \|.*\| ([^|]*) \|$/u.exec(line) ?? []
    return id === "" ? [] : [{ id, files: tests.split(", ").map((file) => `test/${file.slice(1, -1)}.test.ts`) }]
  })

it.effect("the register has every row of poolmgr.md section 21, in order", () =>
  Effect.sync(() => {
    const all = Array.from({ length: 38 }, (_, index) => `W${String(index + 1).padStart(2, "0")}`)
    assert.deepStrictEqual(
      rows.map(({ id }) => id),
      all
    )
  })
)

it.effect.each(rows)(
  "$id: its files have a test with that number, or the README says what is not built",
  ({ files, id }) =>
    Effect.sync(() => {
      for (const file of files) {
        if (existsSync(pathOf(file))) assert.match(text(file), new RegExp(`["'\`(][^"\`\n]*\\b${id}\\b`, "u"), file)
        else assert.include(text("README.md"), "OCI packages as image volumes", `${file} is missing`)
      }
    })
)
