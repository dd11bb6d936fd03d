import { executorAddress } from "../fission/Lease.mjs";
import { Leases } from "../fission/ResourceKind.mjs";
import { KubernetesApi } from "../kubernetes/KubernetesApi.mjs";
import { deadlineOf, held, holderOf, mayTake, observe, released } from "../kubernetes/LeaseElection.mjs";
import { delayAfter, lease } from "../kubernetes/RetryPolicy.mjs";
import { makeUnsafe } from "../kubernetes/WarmUp.mjs";
import { WriteFence } from "../kubernetes/WriteFence.mjs";
import { Clock, Context, DateTime, Duration, Effect, Fiber, Latch, Layer, Random } from "effect";
// src/safeguards/Leadership.ts
/**
* Which replica works. One leads and writes; the others watch, answer what they can and forward the rest
* (lifecycle.md section 4). Losing the lease demotes and never ends the process.
*/
var Leadership = class Leadership extends Context.Service()("fission-executor/safeguards/Leadership") {
	/** Without an election: always the leader, and no Lease is read or written. */
	static layerAlways = Layer.succeed(Leadership, Leadership.of({
		role: () => "Leader",
		leader: () => void 0,
		whileLeading: (self) => self,
		whileFollowing: () => Effect.never
	}));
	/** Takes part in the election as long as the layer lives, and gives the lease back at its end. */
	static layer = (candidate) => Layer.effect(Leadership, participate(candidate));
};
const participate = Effect.fnUntraced(function* (candidate) {
	const api = yield* KubernetesApi;
	const fence = yield* WriteFence;
	const clock = yield* Clock.Clock;
	const gained = yield* Latch.make();
	const lost = yield* Latch.make(true);
	let known;
	/** Until when this replica leads (monotonic nanoseconds). */
	let deadline;
	let hasLed = false;
	/** What is known may have changed since: the next attempt begins with a read. */
	let isDoubtful = true;
	/** What the latest attempts failed with, and was said. */
	let trouble;
	const warmUp = makeUnsafe();
	const now = () => clock.monotonicTimeNanosUnsafe();
	const leads = () => deadline !== void 0 && now() < deadline;
	const annotations = {
		lease: `${candidate.lease.namespace}/${candidate.lease.name}`,
		identity: candidate.identity
	};
	const remember = (raw) => Effect.map(Effect.fromResult(Leases.decode(raw)), (lease) => {
		known = {
			raw,
			lease,
			observation: observe(known?.observation, lease, now())
		};
		isDoubtful = false;
		return known;
	});
	const read = api.get(Leases, candidate.lease, { priority: "lease" }).pipe(Effect.flatMap(remember), Effect.catchTag("KubernetesNotFound", () => Effect.sync(() => void (known = void 0))));
	/** One write of the lease; whether it is held then, and since when that counts. */
	const write = Effect.fnUntraced(function* (before) {
		const sentAt = now();
		const object = held(candidate, before, yield* DateTime.now);
		const options = { priority: "lease" };
		yield* Effect.flatMap(before === void 0 ? api.create(Leases, object, options) : api.update(Leases, object, options), remember);
		return sentAt;
	});
	const demote = Effect.fnUntraced(function* (why) {
		if (deadline === void 0) return;
		deadline = void 0;
		fence.close();
		gained.closeUnsafe();
		lost.openUnsafe();
		yield* Effect.logWarning("this replica leads no more; it writes nothing, goes on answering, and takes part in the election").pipe(Effect.annotateLogs({
			...annotations,
			why
		}));
	});
	/** Before the first write the lease is read once more: what was just written may not be the last word. */
	const promote = Effect.fnUntraced(function* (sentAt) {
		const confirmed = yield* read;
		if (confirmed === void 0 || holderOf(confirmed.lease) !== candidate.identity) return;
		deadline = deadlineOf(candidate, sentAt);
		if (!leads()) return void (deadline = void 0);
		hasLed = true;
		fence.openUntil(deadline);
		lost.closeUnsafe();
		gained.openUnsafe();
		yield* Effect.logInfo("this replica leads").pipe(Effect.annotateLogs(annotations));
	});
	/** One attempt to take or renew the lease. */
	const attempt = Effect.gen(function* () {
		const before = leads() && !isDoubtful ? known : yield* read;
		if (before !== void 0 && !mayTake(candidate, before.lease, before.observation, now())) return yield* demote(`${holderOf(before.lease)} holds the lease`);
		const sentAt = yield* write(before);
		if (!leads()) return yield* promote(sentAt);
		deadline = deadlineOf(candidate, sentAt);
		fence.openUntil(deadline);
	});
	const failed = Effect.fnUntraced(function* (error) {
		isDoubtful = true;
		if (trouble === error._tag) return;
		trouble = error._tag;
		yield* (error._tag === "KubernetesFatalError" ? Effect.logError : Effect.logWarning)("the lease cannot be taken or renewed; tried again until it can").pipe(Effect.annotateLogs({
			...annotations,
			error: error._tag,
			detail: error.message
		}));
	});
	const succeeded = Effect.suspend(() => {
		if (trouble === void 0) return Effect.void;
		trouble = void 0;
		return Effect.logInfo("the lease can be taken and renewed again").pipe(Effect.annotateLogs(annotations));
	});
	/** What is left of the time in which this replica leads. */
	const left = () => deadline === void 0 ? Duration.infinity : Duration.nanos(max(0n, deadline - now()));
	const elect = Effect.gen(function* () {
		yield* attempt.pipe(Effect.tap(() => Effect.andThen(warmUp.judge(void 0), succeeded)), Effect.catch((error) => error._tag === "SchemaError" ? failed(error) : Effect.flatMap(warmUp.judge(error), failed)), Effect.timeoutOption(left()));
		if (deadline !== void 0 && !leads()) yield* demote("it could not be renewed in time");
		const retry = Duration.times(candidate.timing.retry, leads() && isDoubtful ? .5 : 1);
		const pause = delayAfter({
			...lease,
			base: retry,
			cap: retry
		}, { _tag: "" }, 1, yield* Random.next);
		yield* Effect.sleep(Duration.min(pause, left()));
		if (deadline !== void 0 && !leads()) yield* demote("it could not be renewed in time");
	});
	const giveBack = Effect.gen(function* () {
		if (!leads() || known === void 0) return;
		const { raw } = known;
		yield* demote("this replica stops");
		yield* api.update(Leases, released(raw, yield* DateTime.now), { priority: "lease" }).pipe(Effect.andThen(Effect.logInfo("the lease is given back").pipe(Effect.annotateLogs(annotations))), Effect.catch((error) => Effect.logWarning("the lease could not be given back; it runs out by itself").pipe(Effect.annotateLogs({
			...annotations,
			detail: error.message
		}))));
	});
	const election = yield* Effect.forkScoped(Effect.forever(elect));
	yield* Effect.addFinalizer(() => Effect.andThen(Fiber.interrupt(election), giveBack));
	const leader = () => {
		if (known === void 0 || leads()) return void 0;
		const { lease, observation } = known;
		if (mayTake(candidate, lease, observation, now())) return void 0;
		return lease.metadata.annotations?.[executorAddress];
	};
	return Leadership.of({
		role: () => {
			if (leads()) return "Leader";
			return hasLed && leader() === void 0 ? "Demoted" : "Standby";
		},
		leader,
		whileLeading: between(gained, lost),
		whileFollowing: between(lost, gained)
	});
});
/** Runs the effect from the opening of one latch to that of the other, again and again. */
const between = (begin, end) => (self) => Effect.forever(Effect.andThen(begin.await, Effect.raceFirst(self, Effect.andThen(end.await, Effect.void))));
const max = (one, other) => one > other ? one : other;
export { Leadership };
