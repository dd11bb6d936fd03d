import { readdirSync, readFileSync } from "node:fs"
import { assert, it } from "@effect/vitest"

/*
 * Every row of the call inventory (failure-semantics.md section 5) is named by a test, or here with the reason why there is
 * none. Other folders number other things as well.
 */

const folder = new URL("../", import.meta.url)

const rows = (letter: string, count: number) => Array.from({ length: count }, (_, index) => `${letter}${index + 1}`)

const inventory = [
  ...rows("B", 13),
  ...rows("N", 26),
  ...rows("P", 25),
  ...rows("R", 9),
  ...rows("I", 8),
  ...rows("A", 7)
]

const accounts = "the check of service accounts is not built"
const istio = "the Services of the Istio mode are not built"

const untested: { readonly [row: string]: string } = {
  B3: "no such call: paths are fixed, nothing is discovered",
  B6: "websocket Events are not watched yet",
  B8: accounts,
  B9: accounts,
  B10: accounts,
  B11: "PodMetrics are not read yet",
  B12: "tenants are not built",
  B13: "tenants are not built",
  N17: "no such call: nothing is taken back when a creation fails",
  N19: "no such call: a function's objects have fixed names, and the view shows those of its versions",
  P8: istio,
  P14: istio,
  P22: "websocket Events are not watched yet",
  P24: "no such call: a window is looked at with the Function that the view shows",
  P25: "dead code of the stock executor, not to be built",
  R3: "no such call: the view answers, and R4 confirms",
  R9: "no such call: ReplicaSets are not watched, pods are decided on by themselves",
  A5: "no such call: pods that carry no labels of a Function are not ours"
}

/** Rows that names of tests in these files, or of rows from which tests are made, begin with. */
const namedIn = (files: ReadonlyArray<string>) =>
  new Set(
    files
      .flatMap((file) => [
        ...readFileSync(new URL(file, folder), "utf8").matchAll(/["`]((?:[BNPRIA]\d+, )*[BNPRIA]\d+):/gu)
      ])
      .flatMap(([, names = ""]) => names.split(", "))
  )

const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".test.ts") && !file.endsWith("InventoryRows.test.ts")
)
const tested = namedIn(files)

it("every row of the inventory has a test of its name, or a reason why not", () => {
  assert.deepStrictEqual(
    inventory.filter((row) => !tested.has(row) && !(row in untested)),
    []
  )
})

it("no row has both, and none is unknown", () => {
  assert.deepStrictEqual(
    Object.keys(untested).filter((row) => tested.has(row)),
    []
  )
  assert.deepStrictEqual(
    [...namedIn(files.filter((file) => file.startsWith("chaos/"))), ...Object.keys(untested)].filter(
      (row) => !inventory.includes(row)
    ),
    []
  )
})
