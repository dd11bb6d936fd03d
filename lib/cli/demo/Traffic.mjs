import { Clock, Duration, Effect } from "effect";
import { request } from "undici";
// src/cli/demo/Traffic.ts
/** Calls a function as a user does. Never fails. */
const call = (router, namespace, name) => Effect.gen(function* () {
	const startedAt = yield* Clock.monotonicTimeNanos;
	const { body, status } = yield* Effect.tryPromise(async (signal) => {
		const answer = await request(`${router}/fission-function/${namespace}/${name}`, { signal });
		return {
			status: answer.statusCode,
			body: await answer.body.text()
		};
	}).pipe(Effect.catch((error) => Effect.succeed({
		status: 0,
		body: String(error.cause)
	})));
	return {
		status,
		body,
		took: Duration.nanos((yield* Clock.monotonicTimeNanos) - startedAt)
	};
});
/** Calls a function again and again until the scope closes; the counts are read at any time. */
const keepCalling = (router, namespace, name) => Effect.gen(function* () {
	let answered = 0;
	let failed = 0;
	const once = Effect.map(call(router, namespace, name), ({ status }) => {
		if (status === 200) answered++;
		else failed++;
	});
	yield* Effect.forkScoped(Effect.forever(Effect.andThen(once, Effect.sleep("50 millis"))));
	return () => ({
		answered,
		failed
	});
});
export { call, keepCalling };
