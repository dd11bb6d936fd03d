import { Functions } from "../fission/ResourceKind.mjs";
import { KubernetesApi } from "./KubernetesApi.mjs";
import { Sign, answering, step } from "./ServerState.mjs";
import { makeUnsafe } from "./WarmUp.mjs";
import { Clock, Context, Duration, Effect, FiberHandle, FiberSet, Latch, Layer, Random } from "effect";
// src/kubernetes/ApiServerHealth.ts
/** Time between the beginnings of two reads that ask whether the server answers. */
const betweenReads = Duration.seconds(1);
const readWithin = Duration.seconds(3);
/** Lists and handshakes of watches in a row that must time out before their namespace counts as failing. */
const failuresInARow = 5;
/** Namespaces that are released per second after an outage, each with as much jitter on top (milliseconds). */
const releasedPerSecond = 50;
const releaseJitter = 1e3;
/**
* Tells trouble of the API server from trouble of namespaces. While the server is away one quorum read a second asks
* for the whole process; no namespace probes by itself, and lists and watches wait for their turn instead of their own
* back-off. The first success releases the namespaces at a bounded, jittered rate, those first for which somebody waits
* (failure-semantics.md section 3).
*/
var ApiServerHealth = class ApiServerHealth extends Context.Service()("fission-executor/kubernetes/ApiServerHealth") {
	static layer = Layer.effect(ApiServerHealth, Effect.gen(function* () {
		const api = yield* KubernetesApi;
		const clock = yield* Clock.Clock;
		const members = /* @__PURE__ */ new Map();
		const byCall = /* @__PURE__ */ new Map();
		const wanted = yield* Latch.make();
		const returned = yield* Latch.make();
		const releasing = yield* FiberHandle.make();
		const reading = yield* FiberSet.make();
		let state = answering;
		let returnedAt;
		let reads = 0;
		const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1000000n);
		const isAway = () => state._tag === "Away";
		const isFailing = (one) => one.openCircuits.size > 0 || one.timeoutsInARow >= failuresInARow;
		/** What a sign changes at once; what takes time is done by `ask`. */
		const learn = (sign) => {
			const before = state;
			state = step(before, sign, now());
			if (state._tag === before._tag) return;
			if (state._tag === "Suspected") wanted.openUnsafe();
			if (state._tag === "Away") for (const one of members.values()) one.turn.closeUnsafe();
			if (before._tag !== "Away") return;
			returnedAt = now();
			for (const one of members.values()) {
				one.openCircuits.clear();
				one.timeoutsInARow = 0;
			}
			returned.openUnsafe();
		};
		const count = () => {
			const failing = [...members.values()].filter(isFailing).length;
			learn(Sign.Namespaces({
				failing,
				of: members.size
			}));
		};
		/** Something to read: each namespace in turn, the failing ones only without others, and each of its kinds. */
		const target = () => {
			const known = [...members.values()];
			const listed = known.filter((one) => one.readable.size > 0);
			const candidates = [
				listed.filter((one) => !isFailing(one)),
				listed,
				known
			].find((some) => some.length > 0) ?? [];
			const turn = reads++;
			const chosen = candidates[turn % Math.max(1, candidates.length)];
			const kinds = [...chosen?.readable.values() ?? []];
			return kinds[Math.floor(turn / Math.max(1, candidates.length)) % Math.max(1, kinds.length)] ?? {
				kind: Functions,
				namespace: chosen?.member.name ?? ""
			};
		};
		const warmUp = makeUnsafe();
		/** Any answer but a time-out shows a server; a refusal counts when it has outlasted a server's start. */
		const read = Effect.suspend(() => {
			const { kind, namespace } = target();
			return api.list(kind, {
				namespace,
				limit: 1,
				deadline: readWithin
			});
		}).pipe(Effect.matchEffect({
			onSuccess: () => Effect.as(warmUp.judge(void 0), true),
			onFailure: (error) => Effect.map(warmUp.judge(error), (judged) => judged._tag !== "KubernetesTimeoutError")
		}));
		const release = Effect.fnUntraced(function* (one, index) {
			const jitter = releaseJitter * (yield* Random.next);
			yield* Effect.sleep(Duration.millis(index * 1e3 / releasedPerSecond + jitter));
			if (isAway()) return;
			yield* one.turn.open;
			yield* one.member.onRelease;
		});
		const releaseAll = Effect.suspend(() => {
			const inOrder = [...members.values()].toSorted((a, b) => Number(b.someoneWaits) - Number(a.someoneWaits));
			for (const one of inOrder) one.someoneWaits = false;
			return Effect.forEach(inOrder, release, {
				concurrency: "unbounded",
				discard: true
			});
		});
		const away = Effect.fnUntraced(function* (since) {
			yield* FiberHandle.clear(releasing);
			yield* Effect.logWarning("the API server does not answer; the process asks once a second, cached addresses still answer");
			const next = Effect.andThen(Effect.sleep(betweenReads), FiberSet.run(reading, readOnce));
			while (isAway()) yield* Effect.raceFirst(next, returned.await);
			yield* FiberSet.clear(reading);
			const lasted = Duration.millis((returnedAt ?? since) - since);
			yield* Effect.logInfo("the API server answers again; namespaces go on one after the other").pipe(Effect.annotateLogs({
				awayFor: Duration.format(lasted),
				namespaces: members.size
			}));
			yield* FiberHandle.run(releasing, releaseAll);
		});
		const readOnce = Effect.map(read, (answered) => learn(Sign.Read({ answered })));
		const ask = Effect.gen(function* () {
			yield* wanted.await;
			wanted.closeUnsafe();
			returned.closeUnsafe();
			if (state._tag === "Suspected") yield* readOnce;
			if (state._tag === "Away") yield* away(state.since);
		});
		yield* Effect.forkScoped(Effect.forever(ask));
		return ApiServerHealth.of({
			join: (member) => {
				const standing = {
					member,
					turn: Latch.makeUnsafe(true),
					openCircuits: /* @__PURE__ */ new Set(),
					timeoutsInARow: 0,
					someoneWaits: false,
					readable: /* @__PURE__ */ new Map()
				};
				members.set(member.name, standing);
				for (const namespace of member.callsTo) byCall.set(namespace, standing);
			},
			status: () => ({
				state: state._tag,
				since: state._tag === "Answering" ? void 0 : state.since,
				returnedAt
			}),
			circuit: (namespace, isOpen) => {
				const one = byCall.get(namespace);
				if (one === void 0) return;
				const changed = isOpen ? !one.openCircuits.has(namespace) : one.openCircuits.delete(namespace);
				if (isOpen) one.openCircuits.add(namespace);
				if (isOpen || changed) count();
			},
			someoneWaits: (namespace) => {
				const one = byCall.get(namespace);
				if (one !== void 0) one.someoneWaits = true;
			},
			attempted: (namespace, outcome) => {
				const one = byCall.get(namespace);
				if (one === void 0) return;
				const before = isFailing(one);
				one.timeoutsInARow = outcome === "Timeout" ? one.timeoutsInARow + 1 : 0;
				if (before || isFailing(one)) count();
			},
			succeeded: (namespace, kind) => {
				const one = byCall.get(namespace);
				if (kind !== void 0) one?.readable.set(kind.plural, {
					kind,
					namespace
				});
				if (isAway()) learn(Sign.Read({ answered: true }));
			},
			turn: (namespace) => byCall.get(namespace)?.turn.await ?? Effect.void
		});
	}));
};
export { ApiServerHealth };
