import { Context, Effect, Layer } from "effect";
// src/executors/poolmgr/WarmPods.ts
/**
* Gives each warm pod to one request. Requests that find none wait in order; a pod that becomes Ready goes straight to
* the oldest (poolmgr.md sections 7, W02, W03). Belongs to the process: a restarted cell finds its claims unchanged.
*/
var WarmPods = class WarmPods extends Context.Service()("fission-executor/executors/poolmgr/WarmPods") {
	static layer = Layer.sync(WarmPods, () => {
		/** UID of the pool's Environment, by UID of the pod. */
		const taken = /* @__PURE__ */ new Map();
		const waiters = /* @__PURE__ */ new Map();
		const choose = (source) => {
			let outgoing;
			for (const pod of source.pods()) {
				if (taken.has(pod.metadata.uid ?? "")) continue;
				if (source.prefers(pod)) return pod;
				outgoing ??= pod;
			}
			return outgoing;
		};
		const leave = (waiter) => {
			const queue = waiters.get(waiter.source.environmentUid);
			queue?.delete(waiter);
			if (queue?.size === 0) waiters.delete(waiter.source.environmentUid);
		};
		const wake = (environmentUid) => {
			for (const waiter of waiters.get(environmentUid) ?? []) {
				const pod = choose(waiter.source);
				if (pod === void 0) return;
				taken.set(pod.metadata.uid ?? "", environmentUid);
				leave(waiter);
				waiter.hand(pod);
			}
		};
		const release = (podUid) => {
			const environmentUid = taken.get(podUid);
			if (environmentUid === void 0) return;
			taken.delete(podUid);
			wake(environmentUid);
		};
		/** Whoever waits goes first, so a newcomer queues even if a pod is free at this instant. */
		const take = (source) => Effect.callback((resume) => {
			let handed;
			const waiter = {
				source,
				hand: (pod) => {
					handed = pod;
					resume(Effect.succeed(pod));
				}
			};
			const queue = waiters.get(source.environmentUid) ?? /* @__PURE__ */ new Set();
			waiters.set(source.environmentUid, queue.add(waiter));
			wake(source.environmentUid);
			return Effect.sync(() => {
				leave(waiter);
				if (handed !== void 0) release(handed.metadata.uid ?? "");
			});
		});
		const takeFree = (source) => {
			const pod = waiters.has(source.environmentUid) ? void 0 : choose(source);
			if (pod !== void 0) taken.set(pod.metadata.uid ?? "", source.environmentUid);
			return pod;
		};
		return WarmPods.of({
			take,
			takeFree,
			isTaken: (podUid) => taken.has(podUid),
			release,
			wake
		});
	});
};
export { WarmPods };
