import { readdirSync, readFileSync } from "node:fs"
import { assert, it } from "@effect/vitest"

/*
 * Every item of the acceptance checklists of lifecycle.md (section 18) and newdeploy-and-container.md (section 25) begins the
 * name of a test, or is here with the reason why there is none.
 */

const folder = new URL("./", import.meta.url)

const items = [18, 25].flatMap((section) => Array.from({ length: 15 }, (_, index) => `${section}.${index + 1}`))

const untested: { readonly [item: string]: string } = {
  "18.12": "tenants are not built",
  "18.15": "a day is too long for a test: chaos/Outage has thirty times as many faults for ten minutes of virtual time"
}

const tested = new Set(
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts") && !file.endsWith("Checklists.test.ts"))
    .flatMap((file) => [
      ...readFileSync(new URL(file, folder), "utf8").matchAll(
        /["`](?:(?:[A-Z]\d+, )*[A-Z]\d+: )?((?:(?:18|25)\.\d+, )*(?:18|25)\.\d+): /gu
      )
    ])
    .flatMap(([, names = ""]) => names.split(", "))
)

it("every item of the checklists has a test of its number, or a reason why not", () => {
  assert.deepStrictEqual(
    items.filter((item) => !tested.has(item) && !(item in untested)),
    []
  )
})

it("no item has both, and none is unknown", () => {
  assert.deepStrictEqual(
    Object.keys(untested).filter((item) => tested.has(item)),
    []
  )
  assert.deepStrictEqual(
    [...tested, ...Object.keys(untested)].filter((item) => !items.includes(item)),
    []
  )
})
