import { Layer, Logger, References } from "effect";
// src/cli/demo/ExecutorLog.ts
/** An empty log. */
const make = () => {
	const waits = /* @__PURE__ */ new Map();
	const warnings = /* @__PURE__ */ new Map();
	const failing = /* @__PURE__ */ new Set();
	const logger = Logger.make(({ fiber, logLevel }) => {
		const { failedFor, namespace, nextAttemptIn, resource } = fiber.getRef(References.CurrentLogAnnotations);
		if (typeof namespace !== "string") return;
		if (logLevel === "Warn" || logLevel === "Error") warnings.set(namespace, (warnings.get(namespace) ?? 0) + 1);
		if (typeof resource !== "string") return;
		const key = `${namespace}/${resource}`;
		if (failedFor !== void 0) failing.delete(key);
		if (typeof nextAttemptIn !== "string") return;
		failing.add(key);
		waits.set(key, [...waits.get(key) ?? [], nextAttemptIn]);
	});
	return {
		layer: Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "Debug")),
		waits: (namespace, resource) => waits.get(`${namespace}/${resource}`) ?? [],
		warnings: (namespace) => warnings.get(namespace) ?? 0,
		failing: (namespace) => [...failing].filter((key) => key.startsWith(`${namespace}/`)).length
	};
};
export { make };
