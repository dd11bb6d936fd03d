import { runProbe } from "./Probes.mjs";
import { Deferred, Effect } from "effect";
// src/devcluster/kubelet/ContainerHealth.ts
/** Probes one life of a container until interrupted. Until the startup probe succeeds, the others wait. */
const watchHealth = (options) => Effect.gen(function* () {
	const { livenessProbe, readinessProbe, startupProbe } = options.container;
	const probing = (kind, probe, onVerdict) => runProbe(probe, options.run, {
		onVerdict,
		onFailure: (message) => options.onUnhealthy(kind, message)
	});
	/** Does something else when the probe has succeeded, and reports when it has failed. */
	const probingLife = (kind, probe, onAlive) => probing(kind, probe, (isAlive) => isAlive ? Effect.asVoid(onAlive) : options.onDead(kind, probe));
	if (startupProbe) {
		const started = yield* Deferred.make();
		const success = Deferred.succeed(started, void 0);
		yield* Effect.raceFirst(probingLife("Startup", startupProbe, success), Deferred.await(started));
	}
	yield* options.onStarted(!readinessProbe);
	const readiness = readinessProbe ? [probing("Readiness", readinessProbe, options.onReady)] : [];
	const liveness = livenessProbe ? [probingLife("Liveness", livenessProbe, Effect.void)] : [];
	yield* Effect.all([...readiness, ...liveness], {
		concurrency: "unbounded",
		discard: true
	});
});
export { watchHealth };
