import { isEmpty, make as make$1 } from "./PoolGroup.mjs";
import { Duration } from "effect";
// src/caches/PoolIndex.ts
/** How long a deleted UID is refused, and an unused group without pods is kept (function-service-cache.md C18, C21). */
const rememberedFor = Duration.toMillis(Duration.minutes(10));
/** Makes an empty index. `now` gives monotonic milliseconds. */
const make = (now) => {
	const functions = /* @__PURE__ */ new Map();
	const namespaces = /* @__PURE__ */ new Map();
	const uids = /* @__PURE__ */ new Map();
	const addresses = /* @__PURE__ */ new Map();
	/** When each UID was deleted. */
	const tombstones = /* @__PURE__ */ new Map();
	const isBuried = (functionUid) => {
		const at = tombstones.get(functionUid);
		return at !== void 0 && now() - at < rememberedFor;
	};
	const expireTombstones = () => {
		const current = now();
		for (const [uid, at] of tombstones) if (current - at >= rememberedFor) tombstones.delete(uid);
	};
	const generationsOf = (fn) => {
		const known = functions.get(fn.uid);
		if (known !== void 0) return known;
		const generations = {
			namespace: fn.namespace,
			groups: /* @__PURE__ */ new Map()
		};
		functions.set(fn.uid, generations);
		const neighbours = namespaces.get(fn.namespace);
		if (neighbours === void 0) namespaces.set(fn.namespace, /* @__PURE__ */ new Set([generations]));
		else neighbours.add(generations);
		return generations;
	};
	const find = (fn) => functions.get(fn.uid)?.groups.get(fn.generation);
	const obtain = (fn) => {
		const known = find(fn);
		if (known !== void 0) return known;
		const group = make$1(fn, isBuried(fn.uid), now());
		generationsOf(fn).groups.set(fn.generation, group);
		return group;
	};
	const isNewest = (group) => {
		const generations = functions.get(group.fn.uid)?.groups.keys() ?? [];
		for (const generation of generations) if (generation > group.fn.generation) return false;
		return true;
	};
	const drop = (group) => {
		const generations = functions.get(group.fn.uid);
		if (generations === void 0) return;
		generations.groups.delete(group.fn.generation);
		if (generations.groups.size > 0) return;
		functions.delete(group.fn.uid);
		const neighbours = namespaces.get(generations.namespace);
		neighbours?.delete(generations);
		if (neighbours?.size === 0) namespaces.delete(generations.namespace);
	};
	/** A remembered failure keeps a superseded generation: an alias may go on asking for it. */
	const hasFuture = (group) => !group.deleted && (group.failure !== void 0 || isNewest(group)) && now() - group.usedAt < rememberedFor;
	const collect = (group) => {
		if (isEmpty(group) && !hasFuture(group)) drop(group);
	};
	return {
		find,
		obtain,
		groups: () => [...functions.values()].flatMap(({ groups }) => [...groups.values()]),
		inNamespace: (namespace) => {
			expireTombstones();
			return [...namespaces.get(namespace) ?? []].flatMap(({ groups }) => [...groups.values()]);
		},
		isNewest,
		collect,
		byUid: (podUid) => [...uids.get(podUid) ?? []],
		byAddress: (address) => [...addresses.get(address) ?? []],
		insert: (group, pod) => {
			const at = now();
			const entry = {
				pod,
				group,
				createdAt: at,
				usedAt: at,
				active: 0,
				cpuUsage: 0
			};
			group.pods.set(pod.uid, entry);
			enter(uids, pod.uid, entry);
			enter(addresses, pod.address, entry);
			return entry;
		},
		delete: (entry) => {
			entry.group.pods.delete(entry.pod.uid);
			leave(uids, entry.pod.uid, entry);
			leave(addresses, entry.pod.address, entry);
			collect(entry.group);
		},
		bury: (functionUid) => {
			expireTombstones();
			tombstones.set(functionUid, now());
			for (const group of functions.get(functionUid)?.groups.values() ?? []) {
				group.deleted = true;
				collect(group);
			}
		},
		isBuried
	};
};
const enter = (entries, key, entry) => {
	const known = entries.get(key);
	if (known === void 0) entries.set(key, /* @__PURE__ */ new Set([entry]));
	else known.add(entry);
};
const leave = (entries, key, entry) => {
	const known = entries.get(key);
	known?.delete(entry);
	if (known?.size === 0) entries.delete(key);
};
export { make };
