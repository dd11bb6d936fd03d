import { Settings } from "../../Config.mjs";
import { reserveSize } from "../../fission/Environment.mjs";
import { Pods } from "../../fission/ResourceKind.mjs";
import { isDeleting, isReady } from "../../fission/Workloads.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { Supervisor } from "../../namespaces/Supervisor.mjs";
import { releasePatch, reservePatch } from "../../podspec/PodPatches.mjs";
import { isCurrent } from "../../podspec/PoolDeployment.mjs";
import { DecisionLog } from "../../safeguards/DecisionLog.mjs";
import { InstanceId } from "../InstanceId.mjs";
import { identity as identity$1, isDetached, isPooled, isReleased, isReservedBy, sourceOf, warmPods } from "./FunctionPod.mjs";
import { PodLifecycle } from "./PodLifecycle.mjs";
import { SharedPods } from "./SharedPods.mjs";
import { WarmPods } from "./WarmPods.mjs";
import { Context, Duration, Effect, Exit, Layer } from "effect";
// src/executors/poolmgr/Reserve.ts
/** Name of the work that brings the reserve of one Environment to its size. */
const reserveWork = "reserve";
/** Longest that an orderly shutdown waits for the API to take the reserve back. */
const givenBackWithin = Duration.seconds(3);
/**
* Pods claimed in advance, without a function (poolmgr.md section 22.2): a cold start that finds one needs no call to
* the API before its answer. What is in the reserve is what the view shows there and nothing was begun with, so there is
* nothing to restore after a restart, and no pod can be handed out twice.
*/
var Reserve = class Reserve extends Context.Service()("fission-executor/executors/poolmgr/Reserve") {
	/** When the layer closes, what was never handed out is given back to the executor that comes next. */
	static layer = Layer.effect(Reserve, Effect.gen(function* () {
		const api = yield* KubernetesApi;
		const { warmReserve } = yield* Settings;
		const warmPods$1 = yield* WarmPods;
		const sharedPods = yield* SharedPods;
		const lifecycle = yield* PodLifecycle;
		const decisions = yield* DecisionLog;
		const instance = yield* InstanceId;
		const supervisor = yield* Supervisor;
		/** UIDs of pods whose claim was sent; the view shows which of them came to be ours. */
		const claims = /* @__PURE__ */ new Set();
		const isClaiming = (pod) => claims.has(pod.metadata.uid ?? "") && (isReleased(pod) || isPooled(pod));
		const isUntouched = (view, pod) => isDetached(view, pod) && !isDeleting(pod.metadata) && !warmPods$1.isTaken(pod.metadata.uid ?? "") && lifecycle.isFree(pod);
		const isHeld = (view, pod) => isReservedBy(instance.value, pod) && isUntouched(view, pod);
		const isGivenBack = (view, pod) => isReleased(pod) && isUntouched(view, pod);
		const podsOf = (view, { metadata }) => view.pods.indexed("environmentUid", metadata.uid ?? "");
		const isFit = (environment, pod) => isReady(pod) && isCurrent(environment, pod.metadata);
		function* fitWarmPods(view, environment) {
			for (const pod of warmPods(view, environment)) if (isFit(environment, pod) && !sharedPods.holdsCode(pod)) yield pod;
		}
		/** A pod to claim next: one that was given back, else a warm one that nobody waits for. */
		const nextPod = (view, environment) => podsOf(view, environment).find((pod) => isGivenBack(view, pod) && isFit(environment, pod) && !isClaiming(pod)) ?? warmPods$1.takeFree(sourceOf(environment, () => fitWarmPods(view, environment)));
		/** A claim that failed, or whose answer was lost, is given up here: the view shows whether it was applied. */
		const claim = Effect.fnUntraced(function* (environment, pod) {
			const uid = pod.metadata.uid ?? "";
			claims.add(uid);
			const body = reservePatch({
				pod,
				environment,
				instanceId: instance.value
			});
			yield* api.patch(Pods, identity$1(pod), {
				type: "strategic",
				body
			}).pipe(Effect.onExit((exit) => Effect.sync(() => {
				if (Exit.isSuccess(exit)) return;
				claims.delete(uid);
				warmPods$1.release(uid);
			})));
			yield* decisions.record({
				action: "Reserved",
				kind: "Pod",
				...identity$1(pod),
				reason: "pod claimed in advance, for the next cold start",
				evidence: { environment: environment.metadata.name }
			});
		});
		const reconcile = Effect.fnUntraced(function* (view, environmentName) {
			const environment = view.environments.get(view.namespace, environmentName);
			if (environment === void 0 || isDeleting(environment.metadata)) return;
			const size = reserveSize(environment, warmReserve);
			const pods = podsOf(view, environment);
			const held = pods.filter((pod) => isHeld(view, pod));
			const fit = held.filter((pod) => isFit(environment, pod));
			for (let missing = size - fit.length - pods.filter(isClaiming).length; missing > 0; missing--) {
				const pod = nextPod(view, environment);
				if (pod === void 0) return;
				yield* claim(environment, pod);
			}
			if (fit.length < size) return;
			const [leaving] = [
				...held.filter((pod) => !isFit(environment, pod)),
				...fit.slice(size),
				...pods.filter((pod) => isGivenBack(view, pod))
			];
			if (leaving === void 0) return;
			lifecycle.dismiss(leaving, isCurrent(environment, leaving.metadata) ? void 0 : "the environment's template");
		});
		const giveBack = (pod) => api.patch(Pods, identity$1(pod), {
			type: "strategic",
			body: releasePatch(pod)
		}).pipe(Effect.ignore({ log: true }));
		const giveBackAll = Effect.suspend(() => {
			const held = supervisor.cells.flatMap(({ view }) => [...view.pods.values()].filter((pod) => isHeld(view, pod)));
			if (held.length === 0) return Effect.void;
			const all = Effect.forEach(held, giveBack, {
				concurrency: "unbounded",
				discard: true
			});
			return Effect.andThen(all, Effect.logInfo("the reserve was given back", { pods: held.length }));
		});
		yield* Effect.addFinalizer(() => Effect.timeoutOption(giveBackAll, givenBackWithin));
		return Reserve.of({
			pods: (view, environment) => podsOf(view, environment).filter((pod) => isHeld(view, pod) && isReady(pod)),
			isClaiming,
			forget: (podUid) => void claims.delete(podUid),
			reconcile
		});
	}));
};
export { Reserve, reserveWork };
