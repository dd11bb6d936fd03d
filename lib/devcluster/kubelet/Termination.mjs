import { Clock, Duration, Effect } from "effect";
// src/devcluster/kubelet/Termination.ts
/** What a process still gets after its preStop hook used up the grace period. */
const leastGrace = Duration.seconds(2);
/**
* Asks a process to end and sees to it that it does: the hook, SIGTERM, and SIGKILL once the grace period is over. The
* hook's time is part of it. Without a grace period the process is killed at once. Returns at its end.
*/
const terminate = Effect.fnUntraced(function* (running, preStop, graceSeconds) {
	if (graceSeconds > 0) {
		const grace = Duration.seconds(graceSeconds);
		const begun = yield* Clock.monotonicTimeNanos;
		yield* Effect.raceFirst(running.exited, Effect.timeoutOption(preStop, grace));
		yield* running.signal("SIGTERM");
		const spent = Duration.nanos((yield* Clock.monotonicTimeNanos) - begun);
		yield* Effect.timeoutOption(running.exited, Duration.max(Duration.subtract(grace, spent), leastGrace));
	}
	yield* running.signal("SIGKILL");
	yield* running.exited;
});
export { terminate };
