import { make as make$1 } from "./TokenBucket.mjs";
import { Duration, Effect, Semaphore } from "effect";
// src/kubernetes/Bulkheads.ts
/** Bounds of calls in flight (failure-semantics.md section 9.4 item 6). */
const perNamespace = {
	lists: 2,
	calls: 4
};
const overall = {
	lists: 32,
	watchHandshakes: 32
};
/** A list that has had no headers for this long gives its place back and goes on waiting. */
const listHoldsFor = Duration.seconds(2);
/**
* Bound of all calls of the process but the handshakes of watches, which cost a server little and of which few are in
* flight; the reserve is for requests of users and the lease (failure-semantics.md section 3).
*/
const rate = {
	burst: 500,
	perSecond: 200,
	reserved: .2
};
/** Makes bulkheads for one transport. */
const make = Effect.gen(function* () {
	const lists = yield* Semaphore.make(overall.lists);
	const handshakes = yield* Semaphore.make(overall.watchHandshakes);
	const tokens = yield* make$1(rate);
	const semaphores = /* @__PURE__ */ new Map();
	const semaphore = (key, permits) => {
		const known = semaphores.get(key);
		if (known !== void 0) return known;
		const made = Semaphore.makeUnsafe(permits);
		semaphores.set(key, made);
		return made;
	};
	/** Holds a permit until the answer begins, the hold time is over, or the work ends, whichever is first. */
	const holding = (permits, answered, self) => Effect.uninterruptibleMask((restore) => Effect.gen(function* () {
		yield* restore(permits.take(1));
		let held = true;
		const release = Effect.suspend(() => {
			if (!held) return Effect.void;
			held = false;
			return permits.release(1);
		});
		const early = Effect.andThen(Effect.raceFirst(answered, Effect.sleep(listHoldsFor)), release);
		return yield* Effect.scoped(Effect.andThen(Effect.forkScoped(Effect.interruptible(early)), restore(self)).pipe(Effect.ensuring(release)));
	}));
	/** A token is taken last, with the place: whoever waits for a place spends none. */
	const paced = (urgent, self) => Effect.andThen(tokens.take(urgent), self);
	return {
		list: (namespace, answered, self) => holding(semaphore(`lists/${namespace}`, perNamespace.lists), answered, holding(lists, answered, paced(false, self))),
		call: (namespace, priority, self) => priority === "lease" ? paced(true, self) : semaphore(`${priority}/${namespace}`, perNamespace.calls).withPermit(paced(priority === "request", self)),
		watchHandshake: (self) => handshakes.withPermit(self)
	};
});
export { make };
