import { functionKey } from "../fission/Function.mjs";
// src/caches/PoolGroup.ts
/** A group without pods. */
const make = (fn, deleted, now) => ({
	fn,
	pods: /* @__PURE__ */ new Map(),
	queue: /* @__PURE__ */ new Set(),
	pending: 0,
	requestsPerPod: 1,
	retain: 0,
	deleted,
	failure: void 0,
	usedAt: now
});
/** `<uid>_<generation>`, as messages name it. */
const keyOf = (group) => functionKey(group.fn);
/** Nothing runs, comes or waits. */
const isEmpty = (group) => group.pods.size === 0 && group.pending === 0 && group.queue.size === 0;
/** Pods that are there or in preparation reach the given concurrency; 0 is unlimited. */
const isFull = (group, concurrency) => concurrency > 0 && group.pods.size + group.pending >= concurrency;
/** Requests that the pods in preparation will serve besides their creators' own. */
const placesToCome = (group) => group.pending * (group.requestsPerPod - 1);
/** Whether a pod in preparation will have a place for one more parked request (function-service-cache.md C14). */
const canPark = (group) => group.queue.size < placesToCome(group);
/** Parked requests that no pod in preparation will serve. */
const stranded = (group) => Math.max(0, group.queue.size - placesToCome(group));
const isAdmissible = (entry) => entry.active < entry.group.requestsPerPod && (entry.pod.cpuLimit === 0 || entry.cpuUsage <= entry.pod.cpuLimit);
/** Fewest active; then the one used last, so that surplus pods age out; then by address. */
const isPreferred = (left, right) => {
	if (left.active !== right.active) return left.active < right.active;
	if (left.usedAt !== right.usedAt) return left.usedAt > right.usedAt;
	return left.pod.address < right.pod.address;
};
/** The pod that takes the next request (function-service-cache.md section 5); undefined when none may. */
const select = (group) => {
	let selected;
	for (const entry of group.pods.values()) if (isAdmissible(entry) && (selected === void 0 || isPreferred(entry, selected))) selected = entry;
	return selected;
};
/**
* Pods without a request beyond the number to keep, longest idle first: the most recently used ones stay
* (function-service-cache.md C22).
*/
const surplus = (group, keep) => {
	const quota = group.pods.size - keep;
	if (quota <= 0) return [];
	return [...group.pods.values()].filter((entry) => entry.active === 0).toSorted((left, right) => left.usedAt - right.usedAt).slice(0, quota);
};
/**
* Pods to keep although idle (function-service-cache.md section 4.10): the newest generation keeps what it asks for, an
* older one at least one pod while an alias refers to it, a deleted one none.
*/
const retention = (group, isNewest, isReferred) => {
	if (group.deleted) return 0;
	if (isNewest) return group.retain;
	return isReferred() ? Math.max(1, group.retain) : 0;
};
export { canPark, isEmpty, isFull, keyOf, make, retention, select, stranded, surplus };
