import { Settings } from "../Config.mjs";
import { listen } from "../HttpListener.mjs";
import { answer } from "./DebugRoutes.mjs";
import { Context, Effect, Layer } from "effect";
// src/observability/DebugListener.ts
/**
* Serves `/metrics` and the debug pages at `METRICS_ADDR`, plain HTTP without authentication, as long as the layer lives
* (observability.md section 1).
*/
var DebugListener = class DebugListener extends Context.Service()("fission-executor/observability/DebugListener") {
	static layer = Layer.effect(DebugListener, Effect.gen(function* () {
		const { metricsAddress } = yield* Settings;
		const port = yield* listen({
			...metricsAddress,
			name: "metrics"
		}, (request, response) => Effect.map(answer(request.method ?? "", request.url ?? ""), ({ body, contentType, status }) => {
			response.writeHead(status, {
				"content-type": contentType,
				"content-length": Buffer.byteLength(body)
			});
			response.end(body);
		})).pipe(Effect.map((listener) => listener.port), Effect.catchTag("ConfigurationError", (error) => Effect.as(Effect.logWarning("metrics and debug pages are not served; everything else works", error.message), void 0)));
		return DebugListener.of({ port });
	}));
};
export { DebugListener };
