import { Context, Effect, Layer } from "effect"
import { Settings } from "../Config.ts"
import { listen } from "../HttpListener.ts"
import * as FunctionSeries from "./FunctionSeries.ts"
import * as ProcessMetrics from "./ProcessMetrics.ts"
import { answer, type PageSources } from "./DebugRoutes.ts"
import * as OperatorPage from "./OperatorPage.ts"

/**
 * Serves `/metrics`, the debug pages and the operator's page at `METRICS_ADDR`, plain HTTP without authentication, as long as the layer lives
 * (observability.md section 1).
 */
export class DebugListener extends Context.Service<
  DebugListener,
  {
    /** Undefined when the port could not be had, which is logged and harms nothing (failure-semantics.md X9). */
    readonly port: number | undefined
  }
>()("fission-executor/observability/DebugListener") {
  static readonly layer: Layer.Layer<DebugListener, never, Settings | PageSources> = Layer.effect(
    DebugListener,
    Effect.gen(function* () {
      const { metricsAddress, operatorPage } = yield* Settings
      const page = operatorPage ? yield* OperatorPage.load : undefined
      const port = yield* listen({ ...metricsAddress, name: "metrics" }, (request, response) =>
        Effect.map(answer(request.method ?? "", request.url ?? "", page), ({ body, contentType, headers, status }) => {
          response.writeHead(status, {
            ...headers,
            "content-type": contentType,
            "content-length": Buffer.byteLength(body),
            "cache-control": "no-store",
            "x-content-type-options": "nosniff"
          })
          response.end(body)
        })
      ).pipe(
        Effect.map((listener) => listener.port),
        Effect.catchTag("ConfigurationError", (error) =>
          Effect.as(
            Effect.logWarning("metrics and debug pages are not served; everything else works", error.message),
            undefined
          )
        )
      )
      return DebugListener.of({ port })
    })
  ).pipe(Layer.provideMerge(Layer.merge(ProcessMetrics.layer, FunctionSeries.layer)))
}
