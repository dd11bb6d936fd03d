import type { IncomingHttpHeaders } from "node:http"
import { Cause, Context, Effect, Exit, Option, Random, Tracer } from "effect"
import { Headers, HttpTraceContext } from "effect/http"

/** How the first span of a trace, or each of them, is chosen (observability.md section 4). */
export interface Sampler {
  /** Share of the traces without a parent that are recorded, 0 to 1. */
  readonly ratio: number
  /** Whether a parent decides for its children; if not, the share of all trace ids does. */
  readonly parentBased: boolean
}

/** Records spans of requests. Without one, requests are not traced, and the trace of a caller is only passed on. */
export interface TracingShape {
  readonly tracer: Tracer.Tracer
  readonly sampler: Sampler
}

/** The tracing of the process; undefined, which is the default, where no collector is configured. */
export const Tracing: Context.Reference<TracingShape | undefined> = Context.Reference("fission-executor/Tracing", {
  defaultValue: (): TracingShape | undefined => undefined
})

/** What a request's own span says. */
export interface RequestSpan {
  readonly name: string
  readonly attributes: { readonly [name: string]: string }
}

/** Runs one request within its trace. */
export type Traced = (
  headers: IncomingHttpHeaders,
  span: () => RequestSpan
) => <A>(self: Effect.Effect<A>) => Effect.Effect<A>

/**
 * Puts requests into the trace that their `traceparent` names (W3C Trace Context). A request that is sampled gets a server
 * span; one that is not runs as it is, so that it costs nothing but the look at a header.
 */
export const makeTraced: Effect.Effect<Traced> = Effect.map(Tracing, (tracing) => (headers, span) => (self) => {
  const parent = headers["traceparent"] === undefined ? undefined : parentIn(headers)
  if (tracing === undefined) return parent === undefined ? self : within(parent)(self)
  const { sampler, tracer } = tracing
  if (parent === undefined && sampler.ratio <= 0) return self
  const recorded = Effect.suspend(() => {
    const { attributes, name } = span()
    return self.pipe(
      Effect.withSpan(name, { kind: "server", attributes, sampled: true, ...(parent && { parent }) }),
      Effect.withTracer(tracer)
    )
  })
  if (parent !== undefined) return isSampled(sampler, parent) ? recorded : within({ ...parent, sampled: false })(self)
  return Effect.flatMap(Random.next, (random) => (random < sampler.ratio ? recorded : self))
})

const within = (parent: Tracer.ExternalSpan) => Effect.provideService(Tracer.ParentSpan, parent)

/** The headers of W3C Trace Context and Baggage; the latter two are passed on unread. */
type TraceHeaders = { readonly [name in "traceparent" | "tracestate" | "baggage"]?: string }
const Carried = Context.Reference<TraceHeaders>("fission-executor/Tracing/Carried", { defaultValue: () => ({}) })

const parentIn = ({ baggage, traceparent, tracestate }: IncomingHttpHeaders): Tracer.ExternalSpan | undefined => {
  if (typeof traceparent !== "string") return undefined
  const parent = Option.getOrUndefined(HttpTraceContext.w3c(Headers.fromRecordUnsafe({ traceparent })))
  if (parent === undefined || (baggage === undefined && tracestate === undefined)) return parent
  const carried = {
    ...(typeof tracestate === "string" && { tracestate }),
    ...(typeof baggage === "string" && { baggage })
  }
  return { ...parent, annotations: Context.make(Carried, carried) }
}

/** A parent's word counts; else the lower half of the trace id, so that every service decides alike. */
const isSampled = ({ parentBased, ratio }: Sampler, { sampled, traceId }: Tracer.ExternalSpan): boolean =>
  parentBased ? sampled : Number.parseInt(traceId.slice(-14), 16) < ratio * 2 ** 56

/**
 * Records what runs inside whether its request is sampled or not: of one that is not, the spans that end with an error are
 * exported (observability.md section 4, error bias).
 */
export const recorded = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Tracing, (tracing) => {
    if (tracing === undefined) return self
    return Effect.flatMap(Tracer.Tracer, (current) =>
      current === tracing.tracer
        ? self
        : self.pipe(Effect.withTracer(tracing.tracer), Effect.provideService(Tracer.MinimumTraceLevel, "None"))
    )
  })

/** The headers by which a call continues the current trace; none where there is none, or nobody records it. */
export const traceHeaders: Effect.Effect<TraceHeaders> = Effect.gen(function* () {
  const span = Option.getOrUndefined(yield* Effect.serviceOption(Tracer.ParentSpan))
  if (span === undefined) return {}
  const root = originOf(span)
  const isRecorded = (yield* Tracer.Tracer) === (yield* Tracing)?.tracer
  const sender = isRecorded ? span : root
  if (sender === undefined) return {}
  const { sampled, spanId, traceId } = sender
  const traceparent = `00-${traceId.padStart(32, "0")}-${spanId}-${sampled ? "01" : "00"}`
  return { traceparent, ...(root && Context.get(root.annotations, Carried)) }
})

/** The span of the caller that began the trace elsewhere; undefined where it began here. */
const originOf = (span: Tracer.AnySpan): Tracer.ExternalSpan | undefined => {
  if (span._tag === "ExternalSpan") return span
  return Option.isSome(span.parent) ? originOf(span.parent.value) : undefined
}

/** Exports what is sampled, and of the rest what ends with an error. `onError` is told of each of the latter. */
export const errorBiased = (tracer: Tracer.Tracer, onError: () => void): Tracer.Tracer =>
  Tracer.make({
    span: (options) => {
      const span = tracer.span({ ...options, sampled: true })
      return options.sampled ? span : new UnsampledSpan(span, onError)
    }
  })

/** Ends for the exporter only with an error; whoever continues the trace is told that it is not sampled. */
class UnsampledSpan implements Tracer.Span {
  readonly _tag = "Span"
  readonly sampled = false
  readonly #span: Tracer.Span
  readonly #onError: () => void

  constructor(span: Tracer.Span, onError: () => void) {
    this.#span = span
    this.#onError = onError
  }
  get name() {
    return this.#span.name
  }
  get spanId() {
    return this.#span.spanId
  }
  get traceId() {
    return this.#span.traceId
  }
  get parent() {
    return this.#span.parent
  }
  get annotations() {
    return this.#span.annotations
  }
  get status() {
    return this.#span.status
  }
  get attributes() {
    return this.#span.attributes
  }
  get links() {
    return this.#span.links
  }
  get kind() {
    return this.#span.kind
  }
  attribute(key: string, value: unknown): void {
    this.#span.attribute(key, value)
  }
  event(name: string, startTime: bigint, attributes?: Record<string, unknown>): void {
    this.#span.event(name, startTime, attributes)
  }
  addLinks(links: ReadonlyArray<Tracer.SpanLink>): void {
    this.#span.addLinks(links)
  }
  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return
    this.#onError()
    this.#span.end(endTime, exit)
  }
}
