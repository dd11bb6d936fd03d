import { Settings } from "../Config.mjs";
import { DecisionLog } from "./DecisionLog.mjs";
import { Clock, Context, Effect, Layer } from "effect";
// src/safeguards/Brake.ts
/** Fewer objects than this are never too many (failure-semantics.md section 9.2). */
const atLeast = 5;
/** Deletions this recent count as one pass (nanoseconds). */
const passNanos = 10n * 60000000000n;
/**
* Stops deletions on the ground `OwnerAbsent` that would take more than a share of a namespace's objects, and at least
* five, within ten minutes (failure-semantics.md section 9.2). It stops before the first of them, says so once, and
* lets them go on when a list that began later still lacks the owners, or when a person says so.
*/
var Brake = class Brake extends Context.Service()("fission-executor/safeguards/Brake") {
	static layer = Layer.effect(Brake, Effect.gen(function* () {
		const { deletionBrakePercent: percent } = yield* Settings;
		const decisions = yield* DecisionLog;
		const clock = yield* Clock.Clock;
		const brakes = /* @__PURE__ */ new Map();
		const brakeOf = (namespace) => {
			const known = brakes.get(namespace) ?? {
				deletions: /* @__PURE__ */ new Map(),
				stop: void 0,
				releasedAt: void 0
			};
			brakes.set(namespace, known);
			return known;
		};
		/** What is deleted within ten minutes when everything threatened is, and out of how many. */
		const shareOf = (brake, load, now) => {
			let gone = 0;
			for (const [uid, { at, objects }] of brake.deletions) if (now - at >= passNanos) brake.deletions.delete(uid);
			else if (uid !== load.owner.uid) gone += objects;
			return {
				taken: load.threatened + gone,
				of: load.objects + gone
			};
		};
		const isTooMuch = ({ of, taken }) => taken >= atLeast && taken * 100 > of * percent;
		/** A view of later than both the stop and the suspicion proves that the owner is not just missing from one list. */
		const isProven = ({ releasedAt, stop }, { listedAt, suspectedAt }) => {
			const doubtedAt = later(stop?.since, suspectedAt);
			return later(listedAt, releasedAt ?? 0n) > doubtedAt;
		};
		const putOn = Effect.fnUntraced(function* (brake, { owner }, share, since) {
			const { namespace } = owner;
			const reason = `brake: ${share.taken} of ${share.of} objects would be deleted because their owners are gone; waits for a fresh list that lacks them too, or POST /debug/brakes/release?namespace=${namespace}`;
			brake.stop = {
				since,
				reason
			};
			yield* decisions.record({
				action: "Refused",
				kind: "Namespace",
				namespace,
				name: namespace,
				ground: "OwnerAbsent",
				reason,
				evidence: {
					...share,
					percent,
					firstOwner: owner
				}
			});
		});
		const takeOff = Effect.fnUntraced(function* (brake, namespace, why) {
			if (brake.stop === void 0) return;
			brake.stop = void 0;
			yield* Effect.logInfo("the brake is off; deletions on the ground OwnerAbsent go on").pipe(Effect.annotateLogs({
				namespace,
				why
			}));
		});
		const admit = Effect.fnUntraced(function* (load) {
			const now = clock.monotonicTimeNanosUnsafe();
			const { namespace } = load.owner;
			const brake = brakeOf(namespace);
			const share = shareOf(brake, load, now);
			const tooMuch = isTooMuch(share);
			if (tooMuch && (brake.stop === void 0 || !isProven(brake, load))) {
				if (brake.stop === void 0) yield* putOn(brake, load, share, now);
				return false;
			}
			if (!tooMuch) yield* takeOff(brake, namespace, "few enough objects are left to be deleted");
			brake.deletions.set(load.owner.uid, {
				at: now,
				objects: load.own
			});
			return true;
		});
		return Brake.of({
			admit,
			holds: (load) => {
				const brake = brakes.get(load.owner.namespace);
				if (brake?.stop === void 0 || isProven(brake, load)) return false;
				return isTooMuch(shareOf(brake, load, clock.monotonicTimeNanosUnsafe()));
			},
			release: (namespace) => Effect.gen(function* () {
				const brake = brakes.get(namespace);
				if (brake?.stop === void 0) return false;
				brake.releasedAt = clock.monotonicTimeNanosUnsafe();
				yield* Effect.logWarning("a person releases the brake").pipe(Effect.annotateLogs({ namespace }));
				return true;
			}),
			status: (namespace) => brakes.get(namespace)?.stop
		});
	}));
};
const later = (one, other) => one === void 0 || one < other ? other : one;
export { Brake };
