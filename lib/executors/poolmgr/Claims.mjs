import { TimeoutError } from "../../Errors.mjs";
import { annotations, labels } from "../../fission/Labels.mjs";
import { Pods } from "../../fission/ResourceKind.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { critical, retry } from "../../kubernetes/RetryPolicy.mjs";
import { claimPatch } from "../../podspec/PodPatches.mjs";
import { DecisionLog } from "../../safeguards/DecisionLog.mjs";
import { Leadership } from "../../safeguards/Leadership.mjs";
import { InstanceId } from "../InstanceId.mjs";
import { identity as identity$1, isReserved, sourceOf, warmPods } from "./FunctionPod.mjs";
import { PodLifecycle } from "./PodLifecycle.mjs";
import { Reserve } from "./Reserve.mjs";
import { SharedPods } from "./SharedPods.mjs";
import { WarmPods } from "./WarmPods.mjs";
import { Context, Duration, Effect, Layer } from "effect";
// src/executors/poolmgr/Claims.ts
/** Longest time that one pod's claim takes of a request, its repetitions included (failure-semantics.md section 3). */
const patchWithin = Duration.seconds(10);
/**
* Takes pods for functions, each for one: out of the reserve, which needs no call to the API, else warm ones out of their
* pool (poolmgr.md sections 7 and 22.2).
*/
var Claims = class Claims extends Context.Service()("fission-executor/executors/poolmgr/Claims") {
	static layer = Layer.effect(Claims, Effect.gen(function* () {
		const api = yield* KubernetesApi;
		const warmPods$1 = yield* WarmPods;
		const reserve = yield* Reserve;
		const sharedPods = yield* SharedPods;
		const lifecycle = yield* PodLifecycle;
		const decisions = yield* DecisionLog;
		const instance = yield* InstanceId;
		const leadership = yield* Leadership;
		const isOurs = (live, fn) => live.metadata.annotations?.[annotations.instanceId] === instance.value && live.metadata.labels?.[labels.functionUid] === fn.metadata.uid;
		/** What the pod looks like after a patch that was refused, or whose answer was lost. */
		const look = (pod, fn) => api.get(Pods, identity$1(pod), { priority: "request" }).pipe(retry(critical), Effect.map((live) => {
			if (live.metadata.uid !== pod.metadata.uid) return { _tag: "Lost" };
			if (isOurs(live, fn)) return { _tag: "Ours" };
			return live.metadata.labels?.[labels.managed] === "true" ? {
				_tag: "Again",
				version: live.metadata.resourceVersion ?? ""
			} : { _tag: "Lost" };
		}), Effect.catchTag("KubernetesNotFound", () => Effect.succeed({ _tag: "Lost" })));
		/** One patch with its repetitions. A failure after which the pod may be ours has `outcomeUnknown`. */
		const send = ({ environment, fn }, pod) => {
			const body = claimPatch({
				pod,
				environment,
				fn,
				instanceId: instance.value
			});
			let lost;
			const lookAgain = Effect.suspend(() => Effect.mapError(look(pod, fn), (error) => lost ?? error));
			return api.patch(Pods, identity$1(pod), {
				type: "strategic",
				body
			}, { priority: "request" }).pipe(Effect.tapError((error) => Effect.sync(() => {
				if (isOutcomeUnknown(error)) lost = error;
			})), retry(critical), Effect.as({ _tag: "Ours" }), Effect.catchTag("KubernetesConflict", () => lookAgain), Effect.catchTag("KubernetesNotFound", () => Effect.succeed({ _tag: "Lost" })), Effect.catchTag("KubernetesTimeoutError", (error) => lost === void 0 ? Effect.fail(error) : lookAgain));
		};
		/** Whether the pod became ours; tried once more with its newest version if only its status was written. */
		const patch = (claim, pod) => Effect.gen(function* () {
			const first = yield* send(claim, pod);
			if (first._tag !== "Again") return first._tag === "Ours";
			const metadata = {
				...pod.metadata,
				resourceVersion: first.version
			};
			return (yield* send(claim, {
				...pod,
				metadata
			}))._tag === "Ours";
		}).pipe(Effect.timeoutOrElse({
			duration: patchWithin,
			orElse: () => Effect.fail(silentDuring(pod))
		}));
		const podsFor = ({ environment, view }) => {
			const reserved = reserve.pods(view, environment);
			if (leadership.role() !== "Leader") return reserved;
			return [...reserved, ...warmPods(view, environment).filter((pod) => !sharedPods.holdsCode(pod))];
		};
		/** A pod that becomes free, for as long as this replica leads. A wait that ends without one takes none. */
		const awaitFree = (source) => Effect.uninterruptibleMask((restore) => {
			let handed;
			const free = Effect.tap(warmPods$1.take(source), (pod) => Effect.sync(() => void (handed = pod)));
			return restore(Effect.raceFirst(free, leadership.whileFollowing(Effect.fail(notLeading)))).pipe(Effect.onError(() => Effect.sync(() => warmPods$1.release(handed?.metadata.uid ?? ""))));
		});
		const giveBack = (pod) => {
			lifecycle.unclaimed(pod);
			warmPods$1.release(pod.metadata.uid ?? "");
		};
		const attempt = Effect.fnUntraced(function* (claim) {
			let touched = false;
			const pod = yield* Effect.uninterruptibleMask((restore) => Effect.gen(function* () {
				const source = sourceOf(claim.environment, () => podsFor(claim));
				const taken = warmPods$1.takeFree(source) ?? (yield* restore(awaitFree(source)));
				lifecycle.claimed(taken);
				yield* Effect.addFinalizer(() => Effect.sync(() => {
					if (!lifecycle.isClaimed(taken)) return;
					if (touched) lifecycle.discarded(taken, "it was claimed and its specialization did not succeed");
					else giveBack(taken);
				}));
				return taken;
			}));
			touched = isReserved(pod) || (yield* patch(claim, pod));
			if (touched) return pod;
			lifecycle.unclaimed(pod);
			if (claim.view.pods.get(pod.metadata.namespace ?? "", pod.metadata.name)?.metadata.resourceVersion !== pod.metadata.resourceVersion) warmPods$1.release(pod.metadata.uid ?? "");
		});
		const claim = Effect.fn("Claims.claim")(function* (claim) {
			let claimed = yield* attempt(claim);
			while (claimed === void 0) claimed = yield* attempt(claim);
			const { fn, view } = claim;
			yield* decisions.record({
				action: "Claimed",
				kind: "Pod",
				...identity$1(claimed),
				reason: isReserved(claimed) ? "pod of the reserve handed to a function" : "warm pod claimed for a function",
				evidence: {
					function: `${view.namespace}/${fn.metadata.name}`,
					generation: fn.metadata.generation
				}
			});
			return claimed;
		});
		return Claims.of({ claim });
	}));
};
const isOutcomeUnknown = (error) => error._tag === "KubernetesTimeoutError" && error.outcomeUnknown;
/** No pod can be claimed without the lease. */
const notLeading = new TimeoutError({
	verb: "patch",
	resource: Pods.plural,
	kind: "NotLeader",
	detail: "not sent: this executor does not lead",
	outcomeUnknown: false
});
/** The API has not answered for a pod's claim in all the time that there is. */
const silentDuring = (pod) => new TimeoutError({
	verb: "patch",
	resource: Pods.plural,
	...identity$1(pod),
	kind: "Deadline",
	detail: `no answer within ${Duration.format(patchWithin)}`,
	outcomeUnknown: true
});
export { Claims };
