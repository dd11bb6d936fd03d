import { readdirSync, readFileSync } from "node:fs"
import { assert, it } from "@effect/vitest"

/*
 * Every item of the acceptance checklists of lifecycle.md (section 18) and newdeploy-and-container.md (section 25) begins the
 * name of a test, or is here with what is missing and why.
 */

const folder = new URL("./", import.meta.url)

const items = [18, 25].flatMap((section) => Array.from({ length: 15 }, (_, index) => `${section}.${index + 1}`))

const untested: { readonly [item: string]: string } = {
  "18.12": "tenants are not built",
  "18.15": "a day is too long for a test: chaos/Outage has thirty times as many faults for ten minutes of virtual time"
}

/** Items of which a part has no test beside those that have one. */
const untestedParts: { readonly [item: string]: string } = {
  "25.2": "OCI packages as image volumes are not built"
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

it("no item has both, none is unknown, and a part is missing only beside others", () => {
  assert.deepStrictEqual(
    Object.keys(untested).filter((item) => tested.has(item)),
    []
  )
  assert.deepStrictEqual(
    [...tested, ...Object.keys(untested), ...Object.keys(untestedParts)].filter((item) => !items.includes(item)),
    []
  )
  assert.deepStrictEqual(
    Object.keys(untestedParts).filter((item) => !tested.has(item)),
    []
  )
})
