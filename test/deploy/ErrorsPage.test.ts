import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { fissionErrorStatus } from "../../src/Errors.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const page = readFileSync(`${root}docs/errors.md`, "utf8")

/** The sources of the executor; the embedded cluster is for development. */
const sources = readdirSync(`${root}src`, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !file.startsWith("devcluster"))
  .map((file) => readFileSync(`${root}src/${file}`, "utf8"))

const found = (pattern: RegExp, inSources = sources): ReadonlyArray<string> => [
  ...new Set(inSources.flatMap((source) => [...source.matchAll(pattern)].map(([, text = ""]) => text)))
]

/** The quoted words of a union of literals that begins with `start`. */
const literalsAfter = (start: RegExp): ReadonlyArray<string> =>
  sources.flatMap((source) => {
    const [, union = ""] = start.exec(source) ?? []
    return [...union.matchAll(/"(\w+)"/gu)].map(([, word = ""]) => word)
  })

/** The longest part of a text that is the same in every case. */
const constantPart = (text: string): string =>
  text
    .replace(/^\[.*\] error creating service for function: /u, "")
    .split(/\$\{(?:[^{}]|\{[^}]*\})*\}/u)
    .reduce((longest, part) => (part.trim().length > longest.length ? part.trim() : longest), "")

const tags = found(/TaggedError\("(\w+)"\)/gu)
const reasons = [
  ...literalsAfter(/export type DegradedReason =([^]*?)\n\n/u),
  ...found(/\bdegraded\("(\w+)"/gu),
  ...literalsAfter(/const reasons: [^\n]* = (\{[^}]*\})/u),
  ...literalsAfter(/readonly kind: ("Deadline"[^\n]*)/u),
  ...literalsAfter(/readonly reason: ("Answered"[^\n]*)/u),
  ...literalsAfter(/readonly reason: ("TooLarge"[^\n]*)/u)
]
/** Texts of HTTP bodies where they are written: as an argument, a property or a constant named for one. */
const bodies = [
  ...found(/refusal\(\d+, "([^"]+)"/gu),
  ...found(/\btext: [`"]([^`"]+)[`"]/gu),
  ...found(/\bconst text = (?:escapeHtml\()?[`"]([^\n]+)[`"]\)?\n/gu),
  ...found(/\bconst (?:notSynced|failedToParse) = "([^"]+)"/gu),
  ...found(/const inFlight = `([^`]+)`/gu)
]

describe("docs/errors.md", () => {
  it("is compared with what the sources have", () => {
    assert.isAbove(tags.length, 10)
    assert.isAbove(reasons.length, 15)
    assert.isAbove(bodies.length, 15)
  })

  it.each(tags)("explains the error %s", (tag) => assert.include(page, `\`${tag}\``))

  it.each(reasons)("explains the reason %s", (reason) => assert.include(page, `\`${reason}\``))

  it.each(Object.entries(fissionErrorStatus))("explains the kind %s with its status %i", (kind, status) => {
    assert.include(page, `| \`${kind}\` | ${status} |`)
  })

  it.each(bodies)("explains the answer %s", (body) => assert.include(page, constantPart(body)))
})
