import { Clock, Console, Duration, Effect, Schedule } from "effect";
// src/cli/demo/Report.ts
/** Prints a line of the table, and gives it. */
const show = (row) => Effect.as(Console.log(`  ${row.asPromised ? "ok  " : "DIFF"} ${row.step.padEnd(58)} ${row.seen}`), row);
/** A duration for people, in seconds. */
const seconds = (duration) => `${Duration.toSeconds(duration).toFixed(1)} s`;
/** A duration for people, in milliseconds. */
const millis = (duration) => `${Math.round(Duration.toMillis(duration))} ms`;
/** Looks again every 50 ms until it is so; how long that took, or undefined after the limit. */
const until = (isSo, limit) => Effect.gen(function* () {
	const startedAt = yield* Clock.monotonicTimeNanos;
	if ((yield* isSo.pipe(Effect.repeat({
		schedule: Schedule.spaced("50 millis"),
		until: (so) => so
	}), Effect.timeoutOption(limit)))._tag === "None") return void 0;
	return Duration.nanos((yield* Clock.monotonicTimeNanos) - startedAt);
});
/** A line about requests of which none may fail. */
const countsRow = (step, counts) => {
	const answered = counts.reduce((sum, count) => sum + count().answered, 0);
	const failed = counts.reduce((sum, count) => sum + count().failed, 0);
	return show({
		step,
		seen: `${answered} answered, ${failed} failed`,
		asPromised: answered > 0 && failed === 0
	});
};
export { countsRow, millis, seconds, show, until };
