import { assert, describe, it } from "@effect/vitest"
import { Effect, Tracer } from "effect"
import { errorBiased, makeTraced, recorded, type Sampler, traceHeaders, Tracing } from "../src/Tracing.ts"
import { withRandom } from "./fakes/FixedRandom.ts"

const traceId = "0af7651916cd43dd8448eb211c80319c"
const sampledParent = `00-${traceId}-b7ad6b7169203331-01`
const unsampledParent = `00-${traceId}-b7ad6b7169203331-00`

/** What an exporter would get, in order. */
const exporting = () => {
  const ended: Array<Tracer.NativeSpan> = []
  class Recorded extends Tracer.NativeSpan {
    override end(...given: Parameters<Tracer.NativeSpan["end"]>): void {
      super.end(...given)
      ended.push(this)
    }
  }
  const tracer = Tracer.make({ span: (options) => new Recorded(options) })
  return { ended, tracer: errorBiased(tracer, () => {}) }
}

/** Runs one request with these headers; gives the names of the spans that were exported. */
const exported = (
  sampler: Sampler,
  headers: { readonly traceparent?: string },
  request: Effect.Effect<unknown, unknown>
) =>
  Effect.gen(function* () {
    const { ended, tracer } = exporting()
    const run = Effect.gen(function* () {
      const traced = yield* makeTraced
      yield* traced(headers, () => ({ name: "POST /v2/x", attributes: {} }))(Effect.exit(request))
    })
    yield* Effect.provideService(run, Tracing, { sampler, tracer })
    return ended
  })

const half: Sampler = { ratio: 0.5, parentBased: true }
const inner = Effect.withSpan(Effect.void, "inner")
const coldStart = <A, E>(self: Effect.Effect<A, E>) => recorded(Effect.withSpan(self, "coldstart/specialize"))

describe("a request", () => {
  it.effect("gets a server span in the trace of its caller, with everything inside", () =>
    Effect.gen(function* () {
      const spans = yield* exported(half, { traceparent: sampledParent }, inner)
      assert.deepStrictEqual(
        spans.map((span) => [span.name, span.kind, span.traceId]),
        [
          ["inner", "internal", traceId],
          ["POST /v2/x", "server", traceId]
        ]
      )
    })
  )

  it.effect("whose caller is not sampled has no span", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* exported(half, { traceparent: unsampledParent }, inner), [])
    })
  )

  it.effect("without a trace is sampled by the ratio", () =>
    Effect.gen(function* () {
      assert.lengthOf(yield* exported(half, {}, inner).pipe(withRandom(0.4)), 2)
      assert.lengthOf(yield* exported(half, {}, inner).pipe(withRandom(0.6)), 0)
    })
  )

  it.effect("is sampled by its trace id where the parent does not decide", () =>
    Effect.gen(function* () {
      const ofRatio = (ratio: number) =>
        exported({ ratio, parentBased: false }, { traceparent: unsampledParent }, inner)
      assert.lengthOf(yield* ofRatio(1), 2)
      assert.lengthOf(yield* ofRatio(0.001), 0)
    })
  )

  it.effect("whose traceparent is malformed is one without", () =>
    Effect.gen(function* () {
      const spans = yield* exported({ ratio: 1, parentBased: true }, { traceparent: "00-nonsense-01" }, Effect.void)
      assert.lengthOf(spans, 1)
      assert.notStrictEqual(spans[0]?.traceId, traceId)
    })
  )
})

describe("error bias", () => {
  it.effect("exports a failed cold start of a request that is not sampled, in its caller's trace", () =>
    Effect.gen(function* () {
      const spans = yield* exported(half, { traceparent: unsampledParent }, coldStart(Effect.fail("refused")))
      assert.deepStrictEqual(
        spans.map((span) => [span.name, span.traceId]),
        [["coldstart/specialize", traceId]]
      )
    })
  )

  it.effect("exports a failed cold start at ratio 0", () =>
    Effect.gen(function* () {
      const never = { ratio: 0, parentBased: false }
      assert.lengthOf(yield* exported(never, {}, coldStart(Effect.fail("refused"))), 1)
      assert.lengthOf(yield* exported(never, {}, coldStart(inner)), 0)
    })
  )

  it.effect("does not take a caller that left for an error", () =>
    Effect.gen(function* () {
      assert.lengthOf(yield* exported(half, { traceparent: unsampledParent }, coldStart(Effect.interrupt)), 0)
    })
  )
})

describe("the headers of a call", () => {
  const headersIn = (sampler: Sampler | undefined, headers: { readonly [name: string]: string }) =>
    Effect.gen(function* () {
      let sent: Effect.Success<typeof traceHeaders> = {}
      const call = coldStart(Effect.tap(traceHeaders, (given) => Effect.sync(() => void (sent = given))))
      const run = Effect.gen(function* () {
        const traced = yield* makeTraced
        yield* traced(headers, () => ({ name: "POST", attributes: {} }))(call)
      })
      const tracing = sampler && { sampler, tracer: exporting().tracer }
      yield* Effect.provideService(run, Tracing, tracing)
      return sent
    })

  it.effect("continue the trace as its newest span, and pass on what belongs to it", () =>
    Effect.gen(function* () {
      const sent = yield* headersIn(half, { traceparent: sampledParent, tracestate: "a=1", baggage: "user=7" })
      assert.match(sent.traceparent ?? "", new RegExp(`^00-${traceId}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`, "u"))
      assert.deepStrictEqual([sent.tracestate, sent.baggage], ["a=1", "user=7"])
    })
  )

  it.effect("say that a trace which is not sampled is not", () =>
    Effect.gen(function* () {
      assert.match((yield* headersIn(half, { traceparent: unsampledParent })).traceparent ?? "", /-00$/u)
    })
  )

  it.effect("are the caller's own where no collector is configured, and none where it sent none", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* headersIn(undefined, { traceparent: sampledParent }), {
        traceparent: sampledParent
      })
      assert.deepStrictEqual(yield* headersIn(undefined, {}), {})
    })
  )
})
