import { assert, describe, it } from "@effect/vitest"
import { mergePatch, strategicMergePatch } from "../../src/devcluster/MergePatch.ts"
import { StatusError } from "../../src/devcluster/Status.ts"

describe("mergePatch", () => {
  it("merges objects, removes with null and replaces lists", () => {
    const merged = mergePatch({ a: 1, b: { c: 2, d: 3 }, list: [1, 2] }, { b: { c: null, e: 4 }, list: [3] })
    assert.deepStrictEqual(merged, { a: 1, b: { d: 3, e: 4 }, list: [3] })
  })

  it("leaves no null behind in what it adds", () => {
    assert.deepStrictEqual(mergePatch({}, { a: { b: null, c: 1 } }), { a: { c: 1 } })
  })
})

describe("strategicMergePatch", () => {
  it("merges containers by name and keeps their order", () => {
    const merged = strategicMergePatch(
      {
        containers: [
          { name: "a", image: "1" },
          { name: "b", image: "1", env: [{ name: "X", value: "1" }] }
        ]
      },
      {
        containers: [
          { name: "b", env: [{ name: "Y", value: "2" }] },
          { name: "c", image: "3" }
        ]
      }
    )
    assert.deepStrictEqual(merged, {
      containers: [
        { name: "a", image: "1" },
        {
          name: "b",
          image: "1",
          env: [
            { name: "Y", value: "2" },
            { name: "X", value: "1" }
          ]
        },
        { name: "c", image: "3" }
      ]
    })
  })

  it("removes an element by its key", () => {
    const owners = { ownerReferences: [{ uid: "1" }, { uid: "2" }] }
    assert.deepStrictEqual(strategicMergePatch(owners, { ownerReferences: [{ $patch: "delete", uid: "1" }] }), {
      ownerReferences: [{ uid: "2" }]
    })
  })

  it("takes a removal of what is not there for done", () => {
    assert.deepStrictEqual(strategicMergePatch({}, { ownerReferences: [{ $patch: "delete", uid: "1" }] }), {
      ownerReferences: []
    })
  })

  it("unites finalizers and takes single ones out", () => {
    const merged = strategicMergePatch({ finalizers: ["a", "b"] }, { finalizers: ["b", "c"] })
    assert.deepStrictEqual(merged, { finalizers: ["a", "b", "c"] })
    const without = strategicMergePatch(merged, { "$deleteFromPrimitiveList/finalizers": ["b"] })
    assert.deepStrictEqual(without, { finalizers: ["a", "c"] })
  })

  it("replaces a list without a key, and a whole list or object on request", () => {
    assert.deepStrictEqual(strategicMergePatch({ args: ["a"] }, { args: ["b"] }), { args: ["b"] })
    const containers = { containers: [{ name: "a" }, { name: "b" }] }
    const replaced = strategicMergePatch(containers, { containers: [{ $patch: "replace" }, { name: "c" }] })
    assert.deepStrictEqual(replaced, { containers: [{ name: "c" }] })
    assert.deepStrictEqual(strategicMergePatch({ a: { b: 1 } }, { a: { $patch: "replace", c: 2 } }), { a: { c: 2 } })
  })

  it("orders a list on request, and keeps what is not named where it was", () => {
    const named = (...names: ReadonlyArray<string>) => names.map((name) => ({ name }))
    const patch = { "$setElementOrder/env": named("d", "a", "c"), env: named("d") }
    assert.deepStrictEqual(strategicMergePatch({ env: named("a", "b", "c") }, patch), {
      env: named("d", "a", "b", "c")
    })
  })

  it("keeps no other fields than those that are to be retained", () => {
    const strategy = { type: "RollingUpdate", rollingUpdate: {} }
    const patch = { $retainKeys: ["type"], type: "Recreate" }
    assert.deepStrictEqual(strategicMergePatch(strategy, patch), { type: "Recreate" })
  })

  it("refuses an element without its key", () => {
    assert.throws(() => strategicMergePatch({}, { env: [{ value: "a" }] }), StatusError)
  })

  it("refuses a directive that it does not know", () => {
    assert.throws(() => strategicMergePatch({}, { $patch: "shuffle" }), StatusError)
  })
})
