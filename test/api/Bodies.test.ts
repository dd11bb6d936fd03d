import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { type Body, type Decode, decodeTap, decodeTaps, remembering } from "../../src/api/Bodies.ts"
import { digestOf } from "../../src/fission/RequestSignature.ts"

const bodyOf = (text: string): Body => ({ bytes: Buffer.from(text), digest: digestOf(text) })

/** Decodes a body to its text, refuses an empty one, and keeps what it was asked. */
const recording = () => {
  const asked: Array<string> = []
  const decode: Decode<string> = ({ bytes }) => {
    const text = bytes.toString("utf8")
    asked.push(text)
    return text === "" ? Result.fail("empty") : Result.succeed(text)
  }
  return { asked, decode }
}

describe("remembering", () => {
  it("decodes a repeated body once", () => {
    const { asked, decode } = recording()
    const remembered = remembering(decode)
    assert.deepStrictEqual(
      ["a", "b", "a"].map((text) => Result.getOrUndefined(remembered(bodyOf(text)))),
      ["a", "b", "a"]
    )
    assert.deepStrictEqual(asked, ["a", "b"])
  })

  it("forgets the least recently used body when there are too many bytes", () => {
    const { asked, decode } = recording()
    const remembered = remembering(decode, 4)
    for (const text of ["aa", "bb", "aa", "cc", "aa", "bb"]) remembered(bodyOf(text))
    assert.deepStrictEqual(asked, ["aa", "bb", "cc", "bb"])
  })

  it("neither keeps refused bodies nor very large ones", () => {
    const { asked, decode } = recording()
    const remembered = remembering(decode)
    const large = "x".repeat(64 * 1024 + 1)
    for (const text of ["", "", large, large]) remembered(bodyOf(text))
    assert.deepStrictEqual(asked, ["", "", large, large])
  })
})

describe("null, as Go clients write it,", () => {
  it("is an empty batch of taps", () => {
    assert.deepStrictEqual(decodeTaps(bodyOf("null")), Result.succeed([]))
  })

  it("is an entry without fields", () => {
    const empty = { executorType: "", metadata: { name: "" }, address: "" }
    assert.deepStrictEqual(decodeTap(bodyOf("null")), Result.succeed(empty))
    assert.deepStrictEqual(decodeTaps(bodyOf("[null]")), Result.succeed([empty]))
    const nulls = `{"FnMetadata":null,"FnExecutorType":null,"ServiceURL":null}`
    assert.deepStrictEqual(decodeTap(bodyOf(nulls)), Result.succeed(empty))
  })
})
