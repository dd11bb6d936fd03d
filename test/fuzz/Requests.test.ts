import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Result, Schema } from "effect"
import { decodeEnsureCapacity, decodeFunction, decodeTap, decodeTaps } from "../../src/api/Bodies.ts"
import {
  channelKey,
  digestOf,
  signedHeaders,
  verifySignature,
  verifyTimestamp
} from "../../src/fission/RequestSignature.ts"
import { answer } from "../../src/observability/DebugRoutes.ts"
import { make } from "../fakes/ExecutorInMemory.ts"
import { json, mutated, mutatedBytes } from "./Hostile.ts"

const fn = {
  metadata: { name: "hello", namespace: "default", uid: "u-1", generation: 3, labels: { a: "b" } },
  spec: {
    environment: { namespace: "default", name: "nodejs" },
    InvokeStrategy: { ExecutionStrategy: { ExecutorType: "poolmgr", MinScale: 1 } },
    env: [{ name: "A", value: "B" }],
    concurrency: 5
  }
}
const tap = {
  FnMetadata: { name: "hello", namespace: "default", uid: "u-1" },
  FnExecutorType: "poolmgr",
  ServiceURL: ""
}

const bodyOf = (bytes: Buffer) => ({ bytes, digest: digestOf(bytes) })

describe("the body of a request, whatever it is,", () => {
  for (const [name, decode, sample] of [
    ["getServiceForFunction", decodeFunction, fn],
    ["ensureCapacity", decodeEnsureCapacity, { function: fn, observedReadyEndpoints: 1 }],
    ["tapServices", decodeTaps, [tap, tap]],
    ["unTapService", decodeTap, tap]
  ] as const) {
    it.effect.prop(
      `of ${name} is decoded or refused in one line`,
      [
        Arbitrary.map(mutated(sample), (value) => Buffer.from(JSON.stringify(value))),
        mutatedBytes(JSON.stringify(sample))
      ],
      (bodies) =>
        Effect.sync(() => {
          for (const bytes of bodies) {
            const result: Result.Result<unknown, string> = decode(bodyOf(bytes))
            if (Result.isFailure(result)) assert.isAtMost(result.failure.length, 300)
          }
        })
    )
  }

  it("is refused where it nests deeper than any stack", () => {
    const deep = `{"metadata":${"[".repeat(200_000)}`
    assert.isTrue(Result.isFailure(decodeFunction(bodyOf(Buffer.from(deep)))))
  })
})

describe("a signature", () => {
  const key = channelKey("secret", "executor")
  const request = { method: "POST", target: "/v2/tapServices", body: "[]" }
  const digest = { ...request, bodyDigest: digestOf(request.body) }
  const header = Arbitrary.schema(Schema.Union([Schema.String, Schema.Array(Schema.String), Schema.Undefined]))

  it.effect.prop("that nobody made is refused, whatever the headers hold", [header, header], ([timestamp, signature]) =>
    Effect.sync(() => {
      const headers = { "x-fission-auth-timestamp": timestamp, "x-fission-auth-signature": signature }
      const stamp = verifyTimestamp(headers, 1_000_000)
      if ("refusal" in stamp) return
      assert.isFalse(verifySignature([key], digest, stamp.unixSeconds, stamp.signature))
    })
  )

  it.effect.prop(
    "of one request is none of another, nor a minute later",
    [mutatedBytes(request.target), mutatedBytes(request.body)],
    ([target, body]) =>
      Effect.sync(() => {
        const headers = signedHeaders(key, request, 1_000_000)
        const given = headers["x-fission-auth-signature"] ?? ""
        const other = { method: "POST", target: target.toString(), bodyDigest: digestOf(body) }
        const isSame = other.target === request.target && body.toString() === request.body
        assert.strictEqual(verifySignature([key], other, 1_000_000, given), isSame)
        assert.deepStrictEqual(verifyTimestamp(headers, 1_000_061), { refusal: "stale timestamp" })
        assert.isFalse(verifySignature([key], digest, 1_000_061, given))
      })
  )
})

describe("a debug page", () => {
  it.effect.prop(
    "answers any method and any target, and never with a 5xx",
    [mutatedBytes("GET"), mutatedBytes("/debug/decisions?namespace=default&object=a&since=10m"), json],
    ([method, target, value]) =>
      Effect.gen(function* () {
        const world = yield* make()
        const targets = [target.toString(), `/debug/decisions?since=${encodeURIComponent(JSON.stringify(value))}`]
        yield* Effect.forEach(targets, (one) =>
          Effect.map(answer(method.toString() === "" ? "POST" : "GET", one), ({ status }) =>
            assert.isBelow(status, 500)
          )
        ).pipe(Effect.provide(world.executor()))
      }),
    { arbitrary: { runs: 50 } }
  )
})
