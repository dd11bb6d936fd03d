import { signedHeaders } from "../fission/RequestSignature.mjs";
import { encodeTaps } from "./Bodies.mjs";
import { Clock, Duration, Effect, Latch } from "effect";
import { request } from "undici";
// src/api/LeaderTaps.ts
/** Marks a request that one replica has sent to another: it is not passed on again. */
const forwardedHeader = "X-Fission-Executor-Forwarded";
/** How long accesses are gathered before the leader is told of them: far less than any idle time-out. */
const gatheredFor = Duration.seconds(1);
/** Longest wait for the leader's answer. */
const answeredWithin = Duration.seconds(2);
/** Accesses of one request; the others go with the next. */
const atOnce = 1e3;
const target = "/v2/tapServices";
/**
* Tells the leader which addresses a stand-by gave out by itself, so that it does not take them for idle (http-api.md
* section 5). In batches, each address once; best effort: what the leader does not take is forgotten. `key`: what
* requests are signed with, undefined where internal auth is off.
*/
const make = (given) => Effect.gen(function* () {
	const { agent, key, leader } = given;
	const accesses = /* @__PURE__ */ new Map();
	const noted = yield* Latch.make();
	const take = () => {
		const batch = [...accesses].slice(0, atOnce);
		for (const [address] of batch) accesses.delete(address);
		if (accesses.size === 0) noted.closeUnsafe();
		return batch.map(([, access]) => access);
	};
	const tell = Effect.fnUntraced(function* (address, batch) {
		const body = encodeTaps(batch);
		const now = Math.floor((yield* Clock.currentTimeMillis) / 1e3);
		const signature = key === void 0 ? {} : signedHeaders(key, {
			method: "POST",
			target,
			body
		}, now);
		yield* Effect.tryPromise(async (signal) => {
			const headers = {
				"content-type": "application/json",
				[forwardedHeader]: "1",
				...signature
			};
			await (await request(`http://${address}${target}`, {
				method: "POST",
				headers,
				body,
				dispatcher: agent,
				signal
			})).body.dump();
		}).pipe(Effect.timeout(answeredWithin), Effect.ignore({ log: "Debug" }));
	});
	const tellNext = Effect.gen(function* () {
		yield* noted.await;
		yield* Effect.sleep(gatheredFor);
		const batch = take();
		const address = leader();
		if (address !== void 0) yield* tell(address, batch);
	});
	yield* Effect.forkScoped(Effect.forever(tellNext));
	return (access) => {
		accesses.set(access.address, access);
		noted.openUnsafe();
	};
});
export { forwardedHeader, make };
