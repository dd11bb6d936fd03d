import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Described } from "../../src/fission/ResourceKind.ts"
import * as Store from "../../src/kubernetes/Store.ts"

const object = (name: string, version: string, more: Partial<Described["metadata"]> = {}): Described => ({
  metadata: { namespace: "team-a", name, uid: `uid-${name}`, resourceVersion: version, ...more }
})
const labelled = (name: string, version: string, app: string) => object(name, version, { labels: { app } })
const make = () => Store.make<Described>({ app: ({ metadata }) => Object.values(metadata.labels ?? {}) })

/** What a writer changed, as text: `Upsert a`, `Delete a by List`. */
const told = (changes: ReadonlyArray<Store.Change<Described>>) =>
  changes.map((change) =>
    change.type === "Upsert"
      ? `Upsert ${change.object.metadata.name}`
      : `Delete ${change.object.metadata.name} by ${change.evidence}`
  )

describe("an event", () => {
  it("is applied when it is newer, as a number and not as text", () => {
    const { reader, writer } = make()
    assert.deepStrictEqual(told(writer.upsert(object("a", "9"))), ["Upsert a"])
    assert.deepStrictEqual(told(writer.upsert(object("a", "10"))), ["Upsert a"])
    assert.deepStrictEqual(told(writer.upsert(object("a", "9"))), [])
    assert.deepStrictEqual(told(writer.upsert(object("a", "10"))), [])
    assert.strictEqual(reader.get("team-a", "a")?.metadata.resourceVersion, "10")
  })

  it("is compared exactly where a version is larger than a double can hold", () => {
    const { writer } = make()
    writer.upsert(object("a", "9007199254740993"))
    assert.deepStrictEqual(told(writer.upsert(object("a", "9007199254740992"))), [])
    assert.deepStrictEqual(told(writer.upsert(object("a", "9007199254740994"))), ["Upsert a"])
  })

  it("tells what was there before", () => {
    const { writer } = make()
    const before = object("a", "1")
    writer.upsert(before)
    const [change] = writer.upsert(object("a", "2"))
    assert.strictEqual(change?.type === "Upsert" ? change.previous : undefined, before)
  })

  it("of a namesake with another UID deletes the one before", () => {
    const { reader, writer } = make()
    writer.upsert(object("a", "1"))
    assert.deepStrictEqual(told(writer.upsert(object("a", "2", { uid: "another" }))), ["Delete a by Event", "Upsert a"])
    assert.strictEqual(reader.size(), 1)
  })

  it("that deletes needs no more than metadata", () => {
    const { reader, writer } = make()
    writer.upsert(object("a", "1"))
    assert.deepStrictEqual(told(writer.remove(object("a", "2"))), ["Delete a by Event"])
    assert.strictEqual(reader.size(), 0)
  })

  it("that deletes an older version or another UID deletes nothing", () => {
    const { reader, writer } = make()
    writer.upsert(object("a", "5"))
    assert.deepStrictEqual(told(writer.remove(object("a", "4"))), [])
    assert.deepStrictEqual(told(writer.remove(object("a", "6", { uid: "another" }))), [])
    assert.deepStrictEqual(told(writer.remove(object("b", "6"))), [])
    assert.strictEqual(reader.size(), 1)
  })
})

describe("a list", () => {
  it("adds, changes, and at its end removes what no page held", () => {
    const { reader, writer } = make()
    for (const name of ["a", "b", "c"]) writer.upsert(object(name, "1"))
    assert.deepStrictEqual(told(writer.applyPage([object("a", "1"), object("b", "2")])), ["Upsert b"])
    assert.deepStrictEqual(told(writer.applyPage([object("d", "3")])), ["Upsert d"])
    assert.strictEqual(reader.size(), 4)
    assert.deepStrictEqual(told(writer.endList()), ["Delete c by List"])
    assert.isTrue(reader.isSynced())
  })

  it.effect("that was begun anew removes nothing", () =>
    Effect.gen(function* () {
      const { reader, writer } = make()
      writer.upsert(object("a", "1"))
      writer.applyPage([object("b", "2")])
      yield* writer.beginList
      writer.applyPage([object("a", "1"), object("b", "2")])
      assert.deepStrictEqual(told(writer.endList()), [])
      assert.strictEqual(reader.size(), 2)
    })
  )

  it.effect("is as of its beginning, once it is complete", () =>
    Effect.gen(function* () {
      const { reader, writer } = make()
      yield* TestClock.adjust("2 seconds")
      yield* writer.beginList
      writer.applyPage([object("a", "1")])
      yield* TestClock.adjust("5 seconds")
      assert.isUndefined(reader.listedAt())
      writer.endList()
      assert.strictEqual(reader.listedAt(), 2_000_000_000n)
    })
  )

  it("that is older than the view takes no object back to an older version", () => {
    const { reader, writer } = make()
    writer.upsert(object("a", "9"))
    assert.deepStrictEqual(told(writer.applyPage([object("a", "7")])), [])
    assert.deepStrictEqual(told(writer.endList()), [])
    assert.strictEqual(reader.get("team-a", "a")?.metadata.resourceVersion, "9")
  })

  it("does not remove what is there but cannot be read", () => {
    const { reader, writer } = make()
    writer.upsert(object("a", "1"))
    writer.keep("team-a/a")
    assert.deepStrictEqual(told(writer.endList()), [])
    assert.strictEqual(reader.size(), 1)
  })

  it("that is empty empties the view", () => {
    const { reader, writer } = make()
    writer.upsert(object("a", "1"))
    assert.deepStrictEqual(told(writer.endList()), ["Delete a by List"])
    assert.strictEqual(reader.size(), 0)
    assert.isTrue(reader.isSynced())
  })
})

describe("reading", () => {
  it("gives the objects of one namespace or of all", () => {
    const { reader, writer } = make()
    writer.upsert(object("a", "1"))
    writer.upsert(object("a", "2", { namespace: "team-b" }))
    writer.upsert({ metadata: { name: "cluster-wide", namespace: null, resourceVersion: "3" } })
    const names = (namespace?: string) => [...reader.values(namespace)].map(({ metadata }) => metadata.namespace ?? "")
    assert.deepStrictEqual(names("team-b"), ["team-b"])
    assert.deepStrictEqual(names(), ["team-a", "team-b", ""])
    assert.deepStrictEqual(names("team-c"), [])
    assert.isDefined(reader.get("", "cluster-wide"))
  })

  it("finds objects by an index that follows every change", () => {
    const { reader, writer } = make()
    writer.upsert(labelled("a", "1", "red"))
    writer.upsert(labelled("b", "1", "red"))
    const red = () => reader.indexed("app", "red").map(({ metadata }) => metadata.name)
    assert.deepStrictEqual(red(), ["a", "b"])
    writer.upsert(labelled("a", "2", "blue"))
    assert.deepStrictEqual(red(), ["b"])
    assert.deepStrictEqual(reader.indexed("app", "blue").length, 1)
    writer.remove(object("b", "2"))
    assert.deepStrictEqual(red(), [])
    assert.throws(() => reader.indexed("colour", "red"), /no index "colour"/u)
  })

  it.effect("knows the age of the view once it is synced", () =>
    Effect.gen(function* () {
      const { reader, writer } = make()
      yield* writer.touch
      assert.strictEqual(yield* reader.age, Duration.infinity)
      writer.endList()
      yield* TestClock.adjust("7 seconds")
      assert.strictEqual(Duration.toMillis(yield* reader.age), 7000)
      yield* writer.touch
      assert.strictEqual(Duration.toMillis(yield* reader.age), 0)
    })
  )
})
