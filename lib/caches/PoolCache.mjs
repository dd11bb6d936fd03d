import { normalizeAddress } from "../fission/Address.mjs";
import { make } from "./PoolAdmission.mjs";
import { keyOf, retention, surplus } from "./PoolGroup.mjs";
import { make as make$1 } from "./PoolIndex.mjs";
import { recordRunning } from "./RunningTime.mjs";
import { Clock, Context, Duration, Effect, Layer } from "effect";
// src/caches/PoolCache.ts
/**
* Which specialized pod may take one more request, or whether another one may be made: the cache of the executor type
* poolmgr (function-service-cache.md part B). It lives in memory, belongs to the process and never asks Kubernetes.
* Every operation is one synchronous step; the only wait is that of a parked request.
*/
var PoolCache = class PoolCache extends Context.Service()("fission-executor/caches/PoolCache") {
	/** An empty cache. */
	static layer = Layer.effect(PoolCache, Effect.gen(function* () {
		const clock = yield* Clock.Clock;
		const services = yield* Effect.context();
		const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1000000n);
		const index = make$1(now);
		const forget = (entry) => {
			index.delete(entry);
			recordRunning(entry.group.fn, (entry.usedAt - entry.createdAt) / 1e3, services);
		};
		const { admit, give, giveBack, reserve, store } = make({
			now,
			index,
			forget,
			onSurplusRelease: (pod) => Effect.runSyncWith(services)(reportSurplusRelease(pod))
		});
		const idleFor = (entry) => Duration.millis(now() - entry.usedAt);
		const idle = (fnNamespace, retained) => index.inNamespace(fnNamespace).flatMap((group) => {
			index.collect(group);
			const isReferred = () => retained(group.fn.uid, group.fn.generation);
			return surplus(group, retention(group, index.isNewest(group), isReferred));
		}).map((entry) => ({
			pod: entry.pod,
			idleFor: idleFor(entry),
			deleted: entry.group.deleted
		})).toSorted((left, right) => Duration.Order(right.idleFor, left.idleFor));
		const resetLeaked = (limitOf) => {
			const leaked = index.groups().flatMap((group) => [...group.pods.values()]).filter((entry) => entry.active > 0 && Duration.isGreaterThan(idleFor(entry), limitOf(entry.pod)));
			for (const entry of leaked) entry.active = 0;
			for (const entry of leaked) give(entry.group);
			return leaked.map((entry) => entry.pod);
		};
		return PoolCache.of({
			admit,
			reserve,
			adopt: (pod, { requestsPerPod, retainPods }) => {
				if (index.byUid(pod.uid).length > 0) return;
				const group = index.obtain(pod.fn);
				group.requestsPerPod = requestsPerPod;
				store(group, pod, retainPods);
				give(group);
			},
			unTap: (fn, address) => {
				const own = index.byAddress(normalizeAddress(address)).filter(({ group }) => group.fn.uid === fn.uid);
				const entry = own.find(({ group }) => group.fn.generation === fn.generation) ?? own[0];
				if (entry !== void 0) giveBack(entry);
			},
			touch: (address) => {
				const entries = index.byAddress(normalizeAddress(address));
				for (const entry of entries) entry.usedAt = now();
				return entries.length > 0;
			},
			touchAll: (fnNamespace) => {
				for (const { pods } of index.inNamespace(fnNamespace)) for (const entry of pods.values()) entry.usedAt = now();
			},
			setCpuUsage: (address, millicores) => {
				for (const entry of index.byAddress(normalizeAddress(address))) {
					entry.cpuUsage = millicores;
					give(entry.group);
				}
			},
			holds: (podUid) => index.byUid(podUid).length > 0,
			remove: (podUid) => {
				const entries = index.byUid(podUid);
				for (const entry of entries) forget(entry);
				return entries.length > 0;
			},
			markFunctionDeleted: index.bury,
			idle,
			resetLeaked,
			removeIfIdle: ({ fn, uid }, minimumAge) => {
				const entry = index.find(fn)?.pods.get(uid);
				if (entry === void 0 || entry.active > 0) return void 0;
				const age = idleFor(entry);
				if (Duration.isLessThan(age, minimumAge)) return void 0;
				forget(entry);
				return age;
			},
			snapshot: () => index.groups().map((group) => snapshotOf(group, now()))
		});
	}));
};
const reportSurplusRelease = (pod) => Effect.logError("a pod got a request back although it has none").pipe(Effect.annotateLogs({
	namespace: pod.namespace,
	pod: pod.name,
	address: pod.address,
	function: pod.fn.name
}));
const snapshotOf = (group, now) => {
	const pods = Array.from(group.pods.values(), ({ active, cpuUsage, pod }) => ({
		address: pod.address,
		active,
		cpuUsage,
		cpuLimit: pod.cpuLimit
	}));
	return {
		key: keyOf(group),
		fn: group.fn,
		n: pods.length,
		active: pods.reduce((sum, pod) => sum + pod.active, 0),
		w: group.pending + group.queue.size,
		q: group.queue.size,
		p: group.pending,
		deleted: group.deleted,
		retain: group.retain,
		failure: group.failure && {
			status: group.failure.answer.status,
			text: group.failure.answer.text,
			holdsFor: Duration.millis(Math.max(0, group.failure.validUntil - now))
		},
		pods
	};
};
export { PoolCache };
