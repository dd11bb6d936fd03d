import { PoolCache } from "../../caches/PoolCache.mjs";
import { functionTimeoutSeconds, idleTimeoutSeconds } from "../../fission/Function.mjs";
import { labels } from "../../fission/Labels.mjs";
import { viewAge } from "../../informers/NamespaceView.mjs";
import { retention } from "../../informers/VersionRetention.mjs";
import { DecisionLog } from "../../safeguards/DecisionLog.mjs";
import { DryRun } from "../../safeguards/DryRun.mjs";
import { oldestUsableView } from "../../safeguards/Ground.mjs";
import { drainGrace, functionServed } from "./FunctionPod.mjs";
import { PodLifecycle } from "./PodLifecycle.mjs";
import { Context, Duration, Effect, Layer } from "effect";
// src/executors/poolmgr/IdlePods.ts
/** A pod whose requests were never given back is pinned no longer than this, or its own times (C12). */
const leakCeiling = Duration.hours(1);
/** Finds pods that nobody uses and takes them away (poolmgr.md section 14.1, lifecycle.md section 11.4). */
var IdlePods = class IdlePods extends Context.Service()("fission-executor/executors/poolmgr/IdlePods") {
	static layer = Layer.effect(IdlePods, Effect.gen(function* () {
		const cache = yield* PoolCache;
		const lifecycle = yield* PodLifecycle;
		const decisions = yield* DecisionLog;
		const dryRun = yield* DryRun;
		/** What a dry run says of an idle pod, which stays in the cache. */
		const wouldDelete = (pod) => {
			const { name, namespace, uid } = pod;
			const reason = `pod of function ${pod.fn.namespace}/${pod.fn.name} would be deleted, for nobody uses it`;
			return dryRun.wouldDelete({
				kind: "Pod",
				namespace,
				name,
				uid,
				ground: "Idle",
				reason
			});
		};
		const keep = ({ name, namespace, uid }) => decisions.recordOnce({
			action: "Kept",
			kind: "Pod",
			namespace,
			name,
			uid,
			ground: "Idle",
			reason: `nobody uses the pod, but the view is older than ${Duration.format(oldestUsableView)}`
		});
		const reap = Effect.fnUntraced(function* (view) {
			const isBlind = Duration.isGreaterThan(yield* viewAge(view), oldestUsableView);
			for (const pod of cache.resetLeaked((pod) => Duration.max(leakCeiling, idleThreshold(functionServed(view, pod))))) yield* Effect.logWarning("requests of this pod were never given back; it counts as unused from now on").pipe(Effect.annotateLogs({
				namespace: view.namespace,
				pod: pod.name,
				function: pod.fn.name
			}));
			for (const { deleted, idleFor, pod } of cache.idle(view.namespace, retention(view))) {
				if (isExempt(view, pod)) continue;
				const fn = functionServed(view, pod);
				const threshold = deleted ? Duration.zero : idleThreshold(fn);
				if (Duration.isLessThan(idleFor, threshold)) continue;
				if (isBlind) {
					yield* keep(pod);
					continue;
				}
				if (dryRun.isOn) {
					if (!pod.shared) yield* wouldDelete(pod);
					continue;
				}
				const idleNow = cache.removeIfIdle(pod, threshold);
				if (idleNow === void 0 || pod.shared) continue;
				lifecycle.drain(pod, {
					idleFor: idleNow,
					threshold,
					grace: drainGrace(fn)
				});
			}
		});
		return IdlePods.of({ reap });
	}));
};
/**
* A request that the router admits by itself is tapped when its response begins and never given back, so a pod may look
* idle for as long as a request may run (poolmgr.md section 14.1).
*/
const idleThreshold = (fn) => Duration.seconds(fn === void 0 ? 120 : Math.max(idleTimeoutSeconds(fn), functionTimeoutSeconds(fn)));
/** Pods that are held warm on purpose stay whatever their idle time. */
const isExempt = (view, { name, namespace }) => view.pods.get(namespace, name)?.metadata.labels?.[labels.provisioned] === "true";
export { IdlePods };
