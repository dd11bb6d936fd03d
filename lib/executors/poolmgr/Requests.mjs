import { PoolCache } from "../../caches/PoolCache.mjs";
import { Settings } from "../../Config.mjs";
import { normalizeAddress } from "../../fission/Address.mjs";
import { concurrency, requestsPerPod, retainPods } from "../../fission/Function.mjs";
import { Supervisor } from "../../namespaces/Supervisor.mjs";
import { viewOf } from "../FunctionView.mjs";
import { ColdStart } from "./ColdStart.mjs";
import { isServing } from "./FunctionPod.mjs";
import { PodLifecycle } from "./PodLifecycle.mjs";
import { Context, Effect, Layer } from "effect";
// src/executors/poolmgr/Requests.ts
/** What the router asks of poolmgr, answered from the cache or by a cold start. */
var Requests = class Requests extends Context.Service()("fission-executor/executors/poolmgr/Requests") {
	static layer = Layer.effect(Requests, Effect.gen(function* () {
		const cache = yield* PoolCache;
		const coldStart = yield* ColdStart;
		const lifecycle = yield* PodLifecycle;
		const supervisor = yield* Supervisor;
		const settings = yield* Settings;
		/** UIDs of functions whose pods in the view have been offered to the cache before their first request. */
		const offered = /* @__PURE__ */ new Set();
		/** Pods that serve one request only, by address. */
		const onceOnly = /* @__PURE__ */ new Map();
		/** A first request must find the pods of an earlier process even before the queue has come to them. */
		const offerPods = (view, functionUid) => {
			if (offered.has(functionUid) || !view.pods.isSynced() || !view.environments.isSynced()) return;
			offered.add(functionUid);
			for (const pod of view.pods.indexed("functionUid", functionUid)) lifecycle.adopt(view, pod);
		};
		/** The only request of a `onceOnly` pod has ended, or its caller left before it began. */
		const retire = (address) => {
			const pod = onceOnly.get(address);
			if (pod === void 0) return;
			onceOnly.delete(address);
			if (cache.remove(pod.uid)) lifecycle.retire(pod);
		};
		const addressOf = (slot) => ({
			address: slot.pod.address,
			release: Effect.sync(() => {
				slot.release();
				retire(slot.pod.address);
			})
		});
		/** The duty of a miss. Whatever becomes of the caller, reservation and slot are settled by `abandon`. */
		const missOf = (view, fn, reservation) => {
			let slot;
			const kept = {
				fulfil: (pod) => {
					if (fn.spec.onceOnly === true && !pod.shared) onceOnly.set(pod.address, pod);
					return slot = reservation.fulfil(pod);
				},
				abandon: (answer) => reservation.abandon(answer)
			};
			return {
				_tag: "Miss",
				create: (correlationId) => Effect.map(coldStart.run({
					view,
					fn,
					reservation: kept,
					correlationId
				}), addressOf),
				abandon: () => {
					reservation.abandon();
					slot?.release();
					if (slot !== void 0) retire(slot.pod.address);
				}
			};
		};
		const hitOf = (view, slot) => ({
			_tag: "Hit",
			service: addressOf(slot),
			isValid: () => isServing(view, slot.pod),
			evict: () => void cache.remove(slot.pod.uid)
		});
		const reserve = Effect.fnUntraced(function* (fn, maxPending) {
			const view = yield* viewOf(supervisor, fn);
			return missOf(view, fn, yield* cache.reserve(demandOf(view, fn), maxPending));
		});
		const admit = Effect.fnUntraced(function* (fn) {
			if (fn.spec.onceOnly === true) return yield* reserve(fn, 0);
			const view = yield* viewOf(supervisor, fn);
			offerPods(view, fn.metadata.uid ?? "");
			const admission = yield* cache.admit(demandOf(view, fn));
			if (admission._tag === "Miss") return missOf(view, fn, admission.reservation);
			return hitOf(view, admission.slot);
		});
		return Requests.of({
			admit,
			ensureCapacity: (fn) => reserve(fn, settings.maxPendingSpecializations),
			unTap: ({ address, metadata }) => {
				cache.unTap({
					uid: metadata.uid ?? "",
					generation: metadata.generation ?? 0
				}, address);
				retire(normalizeAddress(address));
			},
			forget: (functionUid) => {
				offered.delete(functionUid);
				for (const [address, pod] of onceOnly) if (pod.fn.uid === functionUid) onceOnly.delete(address);
			}
		});
	}));
};
const demandOf = (view, fn) => ({
	fn: {
		uid: fn.metadata.uid ?? "",
		generation: fn.metadata.generation ?? 0,
		name: fn.metadata.name,
		namespace: fn.metadata.namespace ?? ""
	},
	requestsPerPod: requestsPerPod(fn),
	concurrency: concurrency(fn),
	retainPods: retainPods(fn),
	inputs: inputsOf(view, fn)
});
/** Versions of everything that decides whether a function loads: a change of any makes it worth another try. */
const inputsOf = (view, fn) => {
	const pkg = view.packages.get(view.namespace, fn.spec.package?.packageref?.name ?? "");
	const environment = view.environments.get(view.namespace, fn.spec.environment?.name ?? "");
	return `${pkg?.metadata.resourceVersion ?? ""}/${environment?.metadata.resourceVersion ?? ""}`;
};
export { Requests };
