import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { isZip, readZip, writeZip } from "../../src/devcluster/Zip.ts"

const files = [
  { name: "a.js", content: Buffer.from("export default 1\n".repeat(50)) },
  { name: "lib/ü.js", content: Buffer.from("") }
]

it("reads what it wrote", () => {
  const read = readZip(writeZip(files)).map(({ content, name }) => ({ name, content: Buffer.from(content) }))
  assert.deepStrictEqual(read, files)
})

it("writes the same bytes for the same files", () => {
  assert.isTrue(writeZip(files).equals(writeZip(files)))
})

it.effect("reads names, modes and contents of an archive made by another tool", () =>
  Effect.gen(function* () {
    const path = fileURLToPath(new URL("../data/archives/function.zip", import.meta.url))
    const archive = yield* Effect.promise(() => readFile(path))
    assert.isTrue(isZip(archive))
    const read = readZip(archive)
    assert.deepStrictEqual(
      read.map(({ mode, name }) => [name, mode.toString(8)]),
      [
        ["lib/", "40755"],
        ["lib/greeting.js", "100640"],
        ["hello.js", "100755"],
        ["stored.txt", "0"]
      ]
    )
    assert.strictEqual(read.at(-1)?.content.toString("utf8"), "stored as it is\n")
  })
)

it("refuses a damaged archive", () => {
  const archive = writeZip(files)
  const inFirstContent = 40
  archive.writeUInt8(archive.readUInt8(inFirstContent) ^ 0xff, inFirstContent)
  assert.throws(() => readZip(archive))
  assert.throws(() => readZip(archive.subarray(0, archive.length - 30)), /end record/u)
})

it("takes no other bytes for an archive", () => {
  assert.isFalse(isZip(Buffer.from("module.exports = 1")))
  assert.isFalse(isZip(Buffer.from("PK")))
})
