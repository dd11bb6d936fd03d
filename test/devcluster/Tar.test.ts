import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { readTar } from "../../src/devcluster/Tar.ts"
import { tarOf } from "../fakes/OciLayout.ts"

/** Two hundred characters, which is more than a header has place for. */
const longName = `${"long/".repeat(38)}name-is.js`

it.each(["gnu", "pax", "ustar"])("reads an archive of GNU tar in the format %s", (format) => {
  const path = fileURLToPath(new URL(`../data/archives/function-${format}.tar`, import.meta.url))
  const entries = readTar(readFileSync(path)).map(({ content, mode, name }) => [name, mode, content.toString("utf8")])
  assert.deepStrictEqual(entries, [
    ["app/", 0, ""],
    ["app/hello.js", 0o644, "hello\n"],
    ["app/run.sh", 0o755, "#!/bin/sh\n"],
    [longName, 0o644, "deep\n"]
  ])
})

it("refuses an archive that is cut short or damaged", () => {
  const archive = tarOf([{ name: "hello.js", content: "hello" }])
  assert.throws(() => readTar(archive.subarray(0, 514)), "the tar archive is cut short")
  archive.write("x", 0)
  assert.throws(() => readTar(archive), "the tar archive is damaged")
})
