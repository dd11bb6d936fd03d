import { PoolCache } from "../../caches/PoolCache.mjs";
import { annotations, labels } from "../../fission/Labels.mjs";
import { Pods } from "../../fission/ResourceKind.mjs";
import { isDeleting, isTerminated } from "../../fission/Workloads.mjs";
import { viewAge } from "../../informers/NamespaceView.mjs";
import { Supervisor } from "../../namespaces/Supervisor.mjs";
import { Conditions } from "../../safeguards/Conditions.mjs";
import { DecisionLog } from "../../safeguards/DecisionLog.mjs";
import { Deletion } from "../../safeguards/Deletion.mjs";
import { Ground, evidenceOf } from "../../safeguards/Ground.mjs";
import { InstanceId } from "../InstanceId.mjs";
import { adoptable, drainGrace, functionOf, functionServed, hasSuccessor, identity as identity$1, isClaimFinished, isDetached, isRecordedAt, isReleased, isReserved, isReservedBy, isSpecialized, readyVia, supersededBy } from "./FunctionPod.mjs";
import { Duty, atOnce, isUnrecorded, make } from "./PodDuties.mjs";
import { PodWrites } from "./PodWrites.mjs";
import { Clock, Context, Duration, Effect, Layer, Semaphore } from "effect";
/** Name of the work that writes the final patch of a pod out of the reserve, with or without the lease. */
const finalPatchWork = "finalPatch";
/** Final patches that may be outstanding before cold starts wait (poolmgr.md section 22.2). */
const unfinishedPatches = 500;
/** Time between two looks at a superseded pod whose turn has not come. */
const betweenBatches = Duration.seconds(10);
/** A claim that nobody of this process made and nobody finished is given up after this (W04). */
const claimAbandonedAfter = Duration.seconds(260);
/**
* Everything that happens to a pod between its claim and its end, except loading code into it. What was begun belongs to
* the process, so a restarted cell goes on with it; each step is an item of the namespace's queue until it is done.
*/
var PodLifecycle = class PodLifecycle extends Context.Service()("fission-executor/executors/poolmgr/PodLifecycle") {
	static layer = Layer.effect(PodLifecycle, Effect.gen(function* () {
		const clock = yield* Clock.Clock;
		const cache = yield* PoolCache;
		const writes = yield* PodWrites;
		const deletion = yield* Deletion;
		const decisions = yield* DecisionLog;
		const conditions = yield* Conditions;
		const supervisor = yield* Supervisor;
		const instance = yield* InstanceId;
		const duties = make();
		const finalPatches = yield* Semaphore.make(unfinishedPatches);
		const look = (pod, handler = "pod") => supervisor.cellOfWorkloads(pod.namespace ?? "")?.enqueue({
			handler,
			name: pod.name
		});
		const begin = (pod, duty) => {
			duties.set(pod, duty);
			look(pod);
		};
		const lookAgain = (pod, delay) => supervisor.cellOfWorkloads(pod.metadata.namespace ?? "")?.enqueueAfter({
			handler: "pod",
			name: pod.metadata.name
		}, delay) ?? Effect.void;
		const drain = (pod, order) => {
			const orderedAt = clock.monotonicTimeNanosUnsafe();
			const isRecorded = !isUnrecorded(duties.of(pod));
			begin(pod, Duty.Draining({
				order,
				orderedAt,
				drainingSince: void 0,
				isRecorded
			}));
		};
		const isOfOwnReserve = (pod) => isReservedBy(instance.value, pod);
		/** Whether it is for the reserve to say what becomes of the pod. */
		const isOfReserve = (pod) => isOfOwnReserve(pod) || isReleased(pod);
		/** Whether the view shows what a duty was waiting for. */
		const hasEnded = ({ _tag }, pod) => _tag === "Recorded" && isClaimFinished(pod) || _tag === "Foreign" && (isClaimFinished(pod) || isOfReserve(pod));
		const isFree = (pod) => {
			const duty = duties.of(pod.metadata);
			return duty === void 0 || hasEnded(duty, pod);
		};
		const giveBackPermit = (duty) => isUnrecorded(duty) ? Effect.asVoid(finalPatches.release(1)) : Effect.void;
		const shown = (pod) => {
			const found = supervisor.cellOfWorkloads(pod.namespace ?? "")?.view.pods.get(pod.namespace ?? "", pod.name);
			return found?.metadata.uid === pod.uid ? found : void 0;
		};
		/** Ends a duty. `accepted`: the duty until the view shows what the API accepted. */
		const settle = (pod, accepted) => Effect.suspend(() => {
			const duty = duties.end(pod);
			const now = shown(pod);
			if (accepted !== void 0 && now !== void 0 && !isDeleting(now.metadata)) duties.set(pod, accepted);
			return giveBackPermit(duty);
		});
		const remove = Effect.fnUntraced(function* (pod, ground, reason) {
			cache.remove(pod.metadata.uid ?? "");
			yield* deletion.delete({
				kind: Pods,
				...identity$1(pod)
			}, ground, { reason });
			yield* settle(pod.metadata, Duty.Deleted());
		});
		const serve = Effect.fnUntraced(function* (view, pod, duty) {
			const isThere = isRecordedAt(duty.pod.address, pod) || (yield* writes.recordServing(pod, duty.pod.address, duty.fn));
			yield* settle(pod.metadata, isThere ? Duty.Recorded() : Duty.Deleted());
			if (!isThere) return void cache.remove(pod.metadata.uid ?? "");
			const fn = functionServed(view, duty.pod);
			if (fn !== void 0) yield* conditions.set(fn, readyVia(pod));
		});
		const goOnDraining = Effect.fnUntraced(function* (view, pod, duty) {
			const now = yield* Clock.monotonicTimeNanos;
			if (duty.drainingSince === void 0) {
				if (!(yield* writes.recordDraining(pod))) return yield* settle(pod.metadata, Duty.Deleted());
				duties.set(pod.metadata, Duty.Draining({
					...duty,
					drainingSince: now
				}));
				yield* decisions.record({
					action: "Draining",
					kind: "Pod",
					...identity$1(pod),
					reason: "pod takes no new requests and is deleted after its grace",
					evidence: { graceSeconds: Duration.toSeconds(duty.order.grace) }
				});
				return yield* lookAgain(pod, duty.order.grace);
			}
			const left = Duration.subtract(duty.order.grace, Duration.nanos(now - duty.drainingSince));
			if (Duration.isPositive(left)) return yield* lookAgain(pod, left);
			const { supersededBy: by, threshold } = duty.order;
			const age = yield* viewAge(view);
			const idleFor = Duration.sum(duty.order.idleFor, Duration.nanos(now - duty.orderedAt));
			const ground = by === void 0 ? Ground.Idle({
				idleFor,
				threshold,
				viewAge: age
			}) : Ground.Superseded({
				by,
				viewAge: age
			});
			yield* remove(pod, ground, isReserved(pod) ? "pod of the reserve deleted" : "pod deleted after its drain");
		});
		const goOn = (view, pod, duty) => {
			switch (duty._tag) {
				case "Claimed":
				case "Recorded":
				case "Deleted": return Effect.void;
				case "Foreign": return awaitOthers(pod, duty.since);
				case "Serving": return isOfOwnReserve(pod) ? Effect.void : serve(view, pod, duty);
				case "Discarded": return remove(pod, Ground.FailedClaim({ reason: duty.reason }), "claimed pod that will never serve deleted");
				case "Draining": return goOnDraining(view, pod, duty);
			}
		};
		const adopt = (view, pod) => {
			const uid = pod.metadata.uid ?? "";
			if (cache.holds(uid) || isDeleting(pod.metadata) || isTerminated(pod)) return false;
			if (pod.metadata.labels?.[labels.served] !== "true" || duties.of(pod.metadata) !== void 0) return false;
			const adopted = adoptable(view, pod);
			if (adopted === void 0) return false;
			cache.adopt(adopted.pod, adopted);
			return true;
		};
		/** Deletes a pod that gets no new requests any more, once its last ones had their time. */
		const letGo = (pod, order) => {
			const now = clock.monotonicTimeNanosUnsafe();
			begin(pod.metadata, Duty.Draining({
				order,
				orderedAt: now,
				drainingSince: now,
				isRecorded: true
			}));
		};
		/** The drain of an earlier process goes on with a whole grace: nobody knows when it began (W01). */
		const resumeDrain = (view, pod) => {
			cache.remove(pod.metadata.uid ?? "");
			const grace = drainGrace(functionOf(view, pod));
			letGo(pod, {
				idleFor: Duration.zero,
				threshold: grace,
				grace
			});
		};
		/**
		* Takes a superseded pod out of the cache and drains it, in its turn: at most a quarter of a function's pods at a
		* time, and the last one only when another can take over at once (failure-semantics.md section 9.2).
		*/
		const supersede = Effect.fnUntraced(function* (view, pod, by) {
			const siblings = view.pods.indexed("functionUid", pod.metadata.labels?.[labels.functionUid] ?? "").filter((sibling) => isSpecialized(view, sibling) && !isDeleting(sibling.metadata));
			const leaving = siblings.filter(({ metadata }) => ["Draining", "Deleted"].includes(duties.of(metadata)?._tag ?? "")).length;
			const waitsFor = yieldsTo(siblings.length, leaving, hasSuccessor(view, pod));
			if (waitsFor !== void 0) {
				const ground = Ground.Superseded({
					by,
					viewAge: yield* viewAge(view)
				});
				yield* decisions.recordOnce({
					action: "Kept",
					kind: "Pod",
					...identity$1(pod),
					ground: ground._tag,
					reason: `superseded, but ${waitsFor}`,
					evidence: evidenceOf(ground)
				});
				return yield* lookAgain(pod, betweenBatches);
			}
			cache.remove(pod.metadata.uid ?? "");
			const grace = drainGrace(functionOf(view, pod));
			drain(pod.metadata, {
				idleFor: Duration.zero,
				threshold: grace,
				grace,
				supersededBy: by
			});
		});
		/** A claim of another process: whoever made it may still finish it, for as long as a cold start may take. */
		const awaitOthers = Effect.fnUntraced(function* (pod, since) {
			const waited = Duration.nanos((yield* Clock.monotonicTimeNanos) - since);
			const left = Duration.subtract(claimAbandonedAfter, waited);
			if (Duration.isPositive(left)) return yield* lookAgain(pod, left);
			begin(pod.metadata, Duty.Discarded({ reason: "its claim was never finished by any executor" }));
		});
		const beginAwaiting = Effect.fnUntraced(function* (pod) {
			if (pod.metadata.annotations?.[annotations.instanceId] === instance.value) return begin(pod.metadata, Duty.Discarded({ reason: "it was claimed here by a write whose answer was lost" }));
			const since = yield* Clock.monotonicTimeNanos;
			duties.set(pod.metadata, Duty.Foreign({ since }));
			yield* awaitOthers(pod, since);
		});
		/** The pod of a name, when the duties to those that had it before are ended. */
		const podNamed = Effect.fnUntraced(function* (view, podName) {
			const name = {
				namespace: view.workloadNamespace,
				name: podName
			};
			const pod = view.pods.get(name.namespace, name.name);
			for (const duty of duties.endFormer(pod?.metadata ?? name)) yield* giveBackPermit(duty);
			return pod;
		});
		const recordHandOver = Effect.fnUntraced(function* (view, podName) {
			const pod = yield* podNamed(view, podName);
			const duty = pod === void 0 ? void 0 : duties.of(pod.metadata);
			if (pod !== void 0 && duty?._tag === "Serving") yield* serve(view, pod, duty);
		});
		const reconcile = Effect.fnUntraced(function* (view, podName) {
			const pod = yield* podNamed(view, podName);
			if (pod === void 0 || !isDetached(view, pod)) return;
			const uid = pod.metadata.uid ?? "";
			if (isDeleting(pod.metadata)) {
				cache.remove(uid);
				return yield* settle(pod.metadata);
			}
			const duty = duties.of(pod.metadata);
			if (duty !== void 0 && hasEnded(duty, pod)) duties.end(pod.metadata);
			else if (duty !== void 0) return yield* goOn(view, pod, duty);
			if (isOfReserve(pod)) return;
			if (!isClaimFinished(pod)) return cache.holds(uid) ? void 0 : yield* beginAwaiting(pod);
			if (pod.metadata.labels?.[labels.served] !== "true") return resumeDrain(view, pod);
			const by = supersededBy(view, pod);
			if (by !== void 0) return yield* supersede(view, pod, by);
			if (!adopt(view, pod)) return;
			yield* decisions.record({
				action: "Adopted",
				kind: "Pod",
				...identity$1(pod),
				reason: "specialized pod of an earlier executor is handed out again",
				evidence: { function: pod.metadata.labels[labels.functionName] }
			});
		});
		return PodLifecycle.of({
			finalPatches,
			claimed: (pod) => duties.set(pod.metadata, Duty.Claimed()),
			isClaimed: (pod) => duties.of(pod.metadata)?._tag === "Claimed",
			isFree,
			unclaimed: (pod) => {
				duties.end(pod.metadata);
				look(pod.metadata);
			},
			serving: (pod, fn) => {
				const found = shown(pod);
				duties.set(pod, Duty.Serving({
					pod,
					fn
				}));
				look(pod, found !== void 0 && isOfOwnReserve(found) ? finalPatchWork : "pod");
			},
			discarded: (pod, reason) => begin(pod.metadata, Duty.Discarded({ reason })),
			drain,
			retire: (pod) => drain(pod, atOnce),
			dismiss: (pod, by) => letGo(pod, by === void 0 ? atOnce : {
				...atOnce,
				supersededBy: by
			}),
			remove,
			adopt,
			reconcile,
			recordHandOver
		});
	}));
};
/** What a superseded pod waits for before it goes, undefined when it is its turn (failure-semantics.md section 9.2). */
const yieldsTo = (siblings, leaving, hasSuccessor) => {
	if (leaving > 0 && leaving >= Math.ceil(siblings / 4)) return "a quarter of the function's pods goes at a time";
	return siblings - leaving === 1 && !hasSuccessor ? "no other pod can take over yet" : void 0;
};
export { PodLifecycle, finalPatchWork };
