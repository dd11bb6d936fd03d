import { Duration, Effect, Layer, Metric, Redacted } from "effect"
import { FetchHttpClient, HttpClient, HttpClientError } from "effect/http"
import { OtlpExporter, OtlpLogger, OtlpMetrics, OtlpSerialization, OtlpTracer } from "effect/observability"
import { Settings } from "../Config.ts"
import { errorBiased, Tracing } from "../Tracing.ts"

/** The name of the stock executor, by which dashboards know it. */
const resource = { serviceName: "Fission-Executor" }

/** Longest wait for a collector's answer; what is recorded meanwhile is held in memory. */
const answeredWithin = Duration.seconds(5)
const shutdownTimeout = Duration.seconds(2)

/**
 * Exports traces, and logs and metrics where asked for, over OTLP/HTTP; does nothing without an endpoint. A collector that
 * cannot be reached is logged once until it answers again, and costs nothing but the data: what it does not take is dropped.
 */
export const layer: Layer.Layer<never, never, Settings> = Layer.unwrap(
  Effect.gen(function* () {
    const { telemetry } = yield* Settings
    const { endpoint, headers, logs, metrics, sampler } = telemetry
    if (endpoint === undefined) return Layer.empty
    const collector = yield* makeCollector(endpoint)
    const common = { resource, headers: Redacted.value(headers), shutdownTimeout }
    const tracing = Layer.effect(
      Tracing,
      Effect.gen(function* () {
        yield* Effect.all([Metric.update(exportFailures, 0), Metric.update(drops, 0)])
        const exporting = yield* OtlpTracer.make({ ...common, url: `${endpoint}/v1/traces` })
        yield* Effect.logInfo("telemetry goes to a collector over OTLP/HTTP").pipe(
          Effect.annotateLogs({ endpoint, ratio: sampler.ratio, parentBased: sampler.parentBased, logs, metrics })
        )
        return { sampler, tracer: errorBiased(exporting, collector.countDropped) }
      })
    )
    return Layer.mergeAll(
      tracing,
      logs ? OtlpLogger.layer({ ...common, url: `${endpoint}/v1/logs` }) : Layer.empty,
      metrics ? OtlpMetrics.layer({ ...common, url: `${endpoint}/v1/metrics` }) : Layer.empty
    ).pipe(
      Layer.provide([OtlpSerialization.layerJson, OtlpExporter.layerFlusher]),
      Layer.provide(collector.client.pipe(Layer.provide(FetchHttpClient.layer))),
      Layer.catchCause((cause) =>
        Layer.effectDiscard(Effect.logWarning("telemetry is not exported: its OTEL_ variables cannot be used", cause))
      )
    )
  })
)

/** The way to the collector, and what is known of it. */
const makeCollector = (endpoint: string) =>
  Effect.map(Effect.context<never>(), (services) => {
    let isAway = false

    const failed = (detail: string) =>
      Effect.suspend(() => {
        const line = isAway ? Effect.logDebug : Effect.logWarning
        isAway = true
        return line("the telemetry collector takes nothing; what is recorded meanwhile is dropped").pipe(
          Effect.annotateLogs({ endpoint, detail }),
          Effect.andThen(Metric.update(exportFailures, 1))
        )
      })

    const succeeded = Effect.suspend(() => {
      if (!isAway) return Effect.void
      isAway = false
      return Effect.logInfo("the telemetry collector takes data again").pipe(Effect.annotateLogs({ endpoint }))
    })

    const watched = (client: HttpClient.HttpClient) =>
      HttpClient.make((request, _url, _signal) =>
        client.execute(request).pipe(
          Effect.timeoutOrElse({
            duration: answeredWithin,
            orElse: () =>
              Effect.fail(
                new HttpClientError.HttpClientError({
                  reason: new HttpClientError.TransportError({
                    request,
                    description: `no answer within ${Duration.format(answeredWithin)}`
                  })
                })
              )
          }),
          Effect.tap((response) => (response.status < 400 ? succeeded : failed(`HTTP ${response.status}`))),
          Effect.tapError((error) => failed(error.message))
        )
      )

    return {
      client: Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, watched)),
      countDropped: () => {
        if (isAway) drops.updateUnsafe(1, services)
      }
    }
  })

const exportFailures = Metric.counter("fission_error_span_export_failures_total", {
  description: "Exports that the telemetry collector did not take",
  incremental: true
})
const drops = Metric.counter("fission_error_span_export_drops_total", {
  description: "Spans of failed cold starts that ended while the telemetry collector took nothing",
  incremental: true
})
