import { assert, describe, it } from "@effect/vitest"
import * as Signature from "../../src/fission/RequestSignature.ts"

const executor = Signature.channelKey("spec-master-secret-0123456789abcdef", "executor")
const previous = Signature.channelKey("spec-previous-master-fedcba98765432", "executor")
const storage = Signature.channelKey("spec-master-secret-0123456789abcdef", "storagesvc")
const hexOf = (key: Signature.ChannelKey) => key.export().toString("hex")

const v1 = { method: "GET", target: "/v2/debugInfo", body: "" }
const v2 = {
  method: "POST",
  target: "/v2/unTapService",
  body: '{"FnMetadata":{"name":"hello","namespace":"default","uid":"11111111-2222-3333-4444-555555555555","generation":3},"FnExecutorType":"poolmgr","ServiceURL":"10.1.2.3:8888"}'
}
const v3 = { method: "GET", target: "/v2/debugInfo?x=1", body: "" }
const v4 = {
  method: "POST",
  target: "/v2/tapServices",
  body: '[{"FnMetadata":{"name":"hello","namespace":"default"},"FnExecutorType":"poolmgr","ServiceURL":"http://10.1.2.3:8888"}]'
}

describe("a channel key (http-api.md section 8.4)", () => {
  it("is derived from the master secret", () => {
    assert.strictEqual(hexOf(executor), "3963a45f220383dc8a37f5bd9b74c35a8ec70f2e97a390c4400e505bcef1a465")
    assert.strictEqual(hexOf(previous), "6bb58543b079b540727f28ed2260e0967041532b6d193fe4109e1827c24acbe5")
    assert.strictEqual(hexOf(storage), "b3aea3fef594066182da184a0a663d42f32e8088ce9377b246b3c1b411ef9641")
  })

  it("differs by channel and namespace (function-pod-protocol.md section 8.5)", () => {
    const key = (channel: string) => hexOf(Signature.channelKey("fission-test-master-must-be-long-enough", channel))
    assert.strictEqual(key("fetcher"), "2787c8fd342dc4c2ec1ff163ea814bb6477b828c6b272d561b978d595269b07d")
    assert.strictEqual(key("fetcher:team-a"), "48919e2595fec81d6f922a28c6a9af7cb1a251c5769097bfe09762c77fc8daa6")
    assert.strictEqual(key("storagesvc"), "d4b8724bdd4f62703b5e287d7245522670014a6fd5e6eeefb6976d891d462df2")
    assert.strictEqual(key("storagesvc:team-a"), "b41580ff95d4d1ae6ced643ead9218598d27f0b6f06c7bea54fead357ea51da3")
  })

  it("is read from text as hexadecimal, or as it stands", () => {
    assert.strictEqual(hexOf(Signature.keyFromText("00ff")), "00ff")
    assert.strictEqual(hexOf(Signature.keyFromText("secret")), Buffer.from("secret").toString("hex"))
    assert.strictEqual(hexOf(Signature.keyFromText("abc")), Buffer.from("abc").toString("hex"))
  })
})

describe("a signature", () => {
  it.for([
    ["V1", executor, v1, 1_786_100_000, "a914516612923f2085e976233b7896c4a184d8dd0c8a904cdc5efac5c58f942a"],
    [
      "V1, later in its minute",
      executor,
      v1,
      1_786_100_015,
      "a914516612923f2085e976233b7896c4a184d8dd0c8a904cdc5efac5c58f942a"
    ],
    ["V2", executor, v2, 1_786_100_123, "d10c7b357e0570bf3875b3cdeae6dfb6fb3f6344a5d37de787a16d89945de153"],
    [
      "V2, previous key",
      previous,
      v2,
      1_786_100_123,
      "68c195622cb8b87921a88105ccc1e9bdbfd9cb0af020fe88372d45dc34d2cc07"
    ],
    ["V3", executor, v3, 1_786_100_123, "afafa1f2b19582c34f09e3af113b83b7da2df20a0feea4d0e47562c6e4be70c1"],
    ["V4", executor, v4, 1_786_100_159, "911859838bef41d6b245736dbaa1597f470a9685c09d0494863f45b760a02663"]
  ] as const)("is that of http-api.md section 8.4: %s", ([, key, request, at, expected]) => {
    assert.strictEqual(Signature.signature(key, request, at), expected)
  })

  it.for([
    [
      "fetcher",
      { method: "POST", target: "/specialize", body: "body" },
      "8dcf411a414d42b399ad449bceb793fd2e9d2bbc2ab7a76e9a2fd12b2b7cb395"
    ],
    [
      "storagesvc",
      { method: "GET", target: "/v1/archive?id=x", body: "" },
      "8d4b00f8648374674d26ebc0f62d778b913f78c80c3f2c1851a967cb681df937"
    ]
  ] as const)("is that of function-pod-protocol.md section 8.5: %s", ([channel, request, expected]) => {
    const key = Signature.channelKey("fission-test-master-must-be-long-enough", channel)
    assert.strictEqual(Signature.signature(key, request, 1_715_000_123), expected)
  })

  it("covers the bytes of the body", () => {
    assert.strictEqual(Signature.digestOf(v2.body), "93ed047bf42f3b3e2a60aa49b7ff4f580b0ba98a6d52a1d6cd3c2de7003f83f0")
    assert.strictEqual(
      Signature.digestOf(Buffer.from(v4.body)),
      "85463c8ed4f8e4251947e91b8e246cd8cf671f278680cbeada9f741041ee0f4f"
    )
  })

  it("travels in two headers, with the exact second", () => {
    assert.deepStrictEqual(Signature.signedHeaders(executor, v1, 1_786_100_015), {
      "x-fission-auth-timestamp": "1786100015",
      "x-fission-auth-signature": "a914516612923f2085e976233b7896c4a184d8dd0c8a904cdc5efac5c58f942a"
    })
  })
})

describe("verifying a signature", () => {
  const at = 1_786_100_123
  const given = Signature.signature(executor, v2, at)
  const verify = (
    request: Signature.SignedRequest,
    presented = given,
    keys: ReadonlyArray<Signature.ChannelKey> = [executor]
  ) =>
    Signature.verifySignature(
      keys,
      { method: request.method, target: request.target, bodyDigest: Signature.digestOf(request.body) },
      at,
      presented
    )

  it("accepts what was signed", () => {
    assert.isTrue(verify(v2))
  })

  it.for<readonly [name: string, request: Signature.SignedRequest]>([
    ["body", { ...v2, body: `${v2.body} ` }],
    ["method", { ...v2, method: "PUT" }],
    ["path", { ...v2, target: "/v2/tapServices" }],
    ["query", { ...v2, target: "/v2/unTapService?x=1" }]
  ])("refuses another %s", ([, request]) => {
    assert.isFalse(verify(request))
  })

  it("refuses a signature for one query without it", () => {
    const withQuery = Signature.signature(executor, v3, at)
    assert.isTrue(verify(v3, withQuery))
    assert.isFalse(verify(v1, withQuery))
  })

  it.for(["deadbeef", "", "ä".repeat(32), given.toUpperCase()])("refuses the text %s", (presented) => {
    assert.isFalse(verify(v2, presented))
  })

  it("accepts the previous key only while it is given", () => {
    const old = Signature.signature(previous, v2, at)
    assert.isFalse(verify(v2, old))
    assert.isTrue(verify(v2, old, [executor, previous]))
  })

  it("refuses the key of another channel", () => {
    assert.isFalse(verify(v2, Signature.signature(storage, v2, at)))
  })
})

describe("verifying a timestamp", () => {
  const headers = (timestamp: string | undefined, signature: string | undefined = "aa") => ({
    [Signature.timestampHeader]: timestamp,
    [Signature.signatureHeader]: signature
  })

  it.for([
    [1_786_100_062, "stale timestamp"],
    [1_786_100_063, undefined],
    [1_786_100_183, undefined],
    [1_786_100_184, "stale timestamp"]
  ] as const)("at %i says %s to V5", ([now, refusal]) => {
    const verified = Signature.verifyTimestamp(headers("1786100123"), now)
    assert.strictEqual("refusal" in verified ? verified.refusal : undefined, refusal)
  })

  it.for<readonly [timestamp: string | undefined, signature: string | undefined, refusal: Signature.Refusal]>([
    [undefined, "aa", "missing headers"],
    ["", "aa", "missing headers"],
    ["100", "", "missing headers"],
    ["soon", "aa", "unparseable timestamp"],
    ["1e3", "aa", "unparseable timestamp"],
    ["100.5", "aa", "unparseable timestamp"],
    ["161", "aa", "stale timestamp"]
  ])("of %s with signature %s is refused: %s", ([timestamp, signature, refusal]) => {
    assert.deepStrictEqual(Signature.verifyTimestamp(headers(timestamp, signature), 100), { refusal })
  })

  it("trims the timestamp and hands the signature on", () => {
    assert.deepStrictEqual(Signature.verifyTimestamp(headers(" +100 ", "beef"), 100), {
      unixSeconds: 100,
      signature: "beef"
    })
  })
})
