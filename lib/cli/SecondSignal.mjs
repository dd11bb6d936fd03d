import { Duration, Effect } from "effect";
// src/cli/SecondSignal.ts
/** `npm run` forwards the signal that the terminal has sent to the whole group already: one Ctrl-C may come twice. */
const oneSignalLasts = Duration.seconds(1);
const nextSignal = Effect.callback((resume) => {
	const seen = () => {
		process.off("SIGINT", seen);
		process.off("SIGTERM", seen);
		resume(Effect.void);
	};
	process.on("SIGINT", seen);
	process.on("SIGTERM", seen);
});
/** Ends the process with code 1 on the second signal: whoever sends it does not want to wait (lifecycle.md section 16). */
const exitOnSecondSignal = nextSignal.pipe(Effect.andThen(Effect.sleep(oneSignalLasts)), Effect.andThen(nextSignal), Effect.andThen(Effect.sync(() => process.exit(1))));
export { exitOnSecondSignal };
