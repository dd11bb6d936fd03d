import { HandlerError } from "./Handlers.mjs";
import { Duration, Effect } from "effect";
// src/devcluster/kubelet/Probes.ts
/** Probes until interrupted: first after the initial delay, then once a period. No answer in time is a failure. */
const runProbe = (probe, run, observer) => Effect.gen(function* () {
	const thresholds = {
		success: probe.successThreshold ?? 1,
		failure: probe.failureThreshold ?? 3
	};
	const timeoutSeconds = probe.timeoutSeconds ?? 1;
	const attempt = run(probe).pipe(Effect.timeoutOrElse({
		duration: Duration.seconds(timeoutSeconds),
		orElse: () => new HandlerError({ message: `no result within ${timeoutSeconds} s` })
	}), Effect.as(true), Effect.catch(({ message }) => Effect.as(observer.onFailure(message), false)));
	let last;
	let inRow = 0;
	yield* Effect.sleep(Duration.seconds(probe.initialDelaySeconds ?? 0));
	while (true) {
		const result = yield* attempt;
		inRow = result === last ? inRow + 1 : 1;
		last = result;
		if (inRow >= (result ? thresholds.success : thresholds.failure)) yield* observer.onVerdict(result);
		yield* Effect.sleep(Duration.seconds(probe.periodSeconds ?? 10));
	}
});
export { runProbe };
