import { PoolCache } from "../../caches/PoolCache.mjs";
import { Settings } from "../../Config.mjs";
import { labels } from "../../fission/Labels.mjs";
import { ExecutorTypes } from "../ExecutorType.mjs";
import { isDetached, isReserved, isSpecialized, isWarm, owners } from "./FunctionPod.mjs";
import { FunctionServices, functionServiceWork } from "./FunctionServices.mjs";
import { IdlePods } from "./IdlePods.mjs";
import { PodLifecycle, finalPatchWork } from "./PodLifecycle.mjs";
import { PoolDeployments } from "./PoolDeployments.mjs";
import { Requests } from "./Requests.mjs";
import { Reserve, reserveWork } from "./Reserve.mjs";
import { ReserveConnections, connectionWork } from "./ReserveConnections.mjs";
import { SharedPods, sharedPodWork } from "./SharedPods.mjs";
import { WarmPods } from "./WarmPods.mjs";
import { Effect, Layer } from "effect";
// src/executors/poolmgr/Poolmgr.ts
/** The executor type `poolmgr`: registers itself while the process is built. */
const layer = Layer.effectDiscard(Effect.gen(function* () {
	const { adoptExistingResources, reaperIntervals } = yield* Settings;
	const types = yield* ExecutorTypes;
	const cache = yield* PoolCache;
	const requests = yield* Requests;
	const lifecycle = yield* PodLifecycle;
	const deployments = yield* PoolDeployments;
	const functionServices = yield* FunctionServices;
	const idlePods = yield* IdlePods;
	const sharedPods = yield* SharedPods;
	const warmPods = yield* WarmPods;
	const reserve = yield* Reserve;
	const connections = yield* ReserveConnections;
	const onPodChange = (view, type, pod) => {
		const { name } = pod.metadata;
		const uid = pod.metadata.uid ?? "";
		if (type === "Delete") {
			cache.remove(uid);
			sharedPods.forget(uid);
		}
		const isClaiming = type === "Upsert" && reserve.isClaiming(pod);
		if (!isClaiming) reserve.forget(uid);
		if (!isClaiming && (type === "Delete" || !lifecycle.isClaimed(pod))) warmPods.release(uid);
		warmPods.wake(pod.metadata.labels?.[labels.environmentUid] ?? "");
		if (type === "Delete" || !isReserved(pod)) connections.forget(uid);
		const ofReserve = reserveKeys(pod.metadata.labels?.[labels.environmentName] ?? "");
		if (type === "Delete" || isDetached(view, pod)) return [{
			handler: "pod",
			name
		}, ...ofReserve];
		return isWarm(view, pod) ? [...sharedWork([pod]), ...ofReserve] : [];
	};
	/** What a change means for pods. */
	const workOnPods = (view, { change, kind }) => {
		const { name, uid } = change.object.metadata;
		if (kind === "pods") return onPodChange(view, change.type, change.object);
		if (change.type === "Delete") return [];
		if (kind === "functions" && change.previous?.metadata.generation !== change.object.metadata.generation) return podsWork(view, view.pods.indexed("functionUid", uid ?? ""));
		if (kind === "environments") {
			const pods = view.pods.indexed("environmentUid", uid ?? "");
			return pods.length === 0 ? [] : [...sharedWork(pods), ...reserveKeys(name)];
		}
		const { [labels.executorType]: executorType, [labels.environmentUid]: environmentUid = "" } = change.object.metadata.labels ?? {};
		if (kind === "deployments" && executorType === "poolmgr") return podsWork(view, view.pods.indexed("environmentUid", environmentUid));
		return [];
	};
	const sharedWork = (pods) => pods.filter(sharedPods.holdsCode).map(({ metadata }) => ({
		handler: sharedPodWork,
		name: metadata.name
	}));
	const removePods = Effect.fnUntraced(function* (pods, ground, reason) {
		for (const pod of pods) yield* lifecycle.remove(pod, ground, reason);
	});
	if (!adoptExistingResources) yield* Effect.logWarning("ADOPT_EXISTING_RESOURCES is false, yet what an earlier executor made is used: nothing is deleted at a start");
	types.register({
		name: "poolmgr",
		admit: requests.admit,
		ensureCapacity: requests.ensureCapacity,
		debugInfo: () => cache.snapshot().map(debugLines).join(""),
		tap: cache.touch,
		tapAll: (view) => cache.touchAll(view.namespace),
		unTap: requests.unTap,
		onChange: (view, change) => [...workOnPods(view, change), ...functionServices.onChange(view, change)],
		work: {
			["pod"]: lifecycle.reconcile,
			[sharedPodWork]: sharedPods.reconcile,
			[reserveWork]: reserve.reconcile,
			[functionServiceWork]: functionServices.reconcile
		},
		workWithoutLease: {
			[finalPatchWork]: lifecycle.recordHandOver,
			[connectionWork]: connections.reconcile
		},
		owners: (view) => [...owners(view), ...functionServices.owners(view)],
		reconcileEnvironment: (view, environment) => deployments.converge(view, environment).pipe(Effect.catchTag("PodSpecError", (error) => Effect.logWarning("no pool can be made from this environment; it is looked at again when it changes").pipe(Effect.annotateLogs({
			namespace: view.namespace,
			problem: error.message
		})))),
		removeEnvironment: Effect.fnUntraced(function* (view, environment, ground) {
			yield* deployments.remove(view, environment.uid, ground);
			const detached = view.pods.indexed("environmentUid", environment.uid).filter((pod) => isDetached(view, pod));
			yield* removePods(detached, ground, "pod of an environment that is gone deleted");
		}),
		removeFunction: Effect.fnUntraced(function* (view, fn, ground) {
			cache.markFunctionDeleted(fn.uid);
			requests.forget(fn.uid);
			yield* functionServices.remove(view, fn.uid, ground);
			yield* removePods(view.pods.indexed("functionUid", fn.uid), ground, "pod of a function that is gone deleted");
		}),
		removeFunctionVersion: functionServices.removeVersion,
		reapEvery: reaperIntervals.poolmgr,
		reapIdle: idlePods.reap
	});
}));
/** Work on the reserve of an Environment. */
const reserveKeys = (name) => [{
	handler: reserveWork,
	name
}, {
	handler: connectionWork,
	name
}];
/** Work on those of the pods that are some function's. */
const podsWork = (view, pods) => pods.filter((pod) => isSpecialized(view, pod)).map(({ metadata }) => ({
	handler: "pod",
	name: metadata.name
}));
/**
* A group in the form of the stock executor's dump, with what it lacks at the end of the line (http-api.md section 4.5,
* H14): key, whether the function is deleted, idle pods to keep, and a failure that is still remembered.
*/
const debugLines = (group) => {
	const { deleted, failure, fn, key, pods, q, retain, w } = group;
	const head = `svc_waiting:${w}\tqueue_len:${q}`;
	const more = `\tkey:${key}\tdeleted:${deleted}\tretain:${retain}${failure === void 0 ? "" : `\tfailure:${failure.status}`}`;
	if (pods.length === 0) return `${head}${more}\n`;
	return pods.map(({ active, address, cpuLimit, cpuUsage }) => `${head}\tfunction_name:${fn.name}\tfn_svc_address:${address}\tactive_req:${active}\tcurrent_cpu_usage:${cpuUsage}m\tcpu_limit:${cpuLimit}m${more}\n`).join("");
};
export { layer };
