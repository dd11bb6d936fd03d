import { keyOf } from "../fission/ObjectMeta.mjs";
import { Clock, Duration, Effect } from "effect";
// src/kubernetes/Store.ts
/** Makes an empty store and its two faces. */
const make = (indexes = {}) => {
	const byNamespace = /* @__PURE__ */ new Map();
	const byIndex = new Map(Object.keys(indexes).map((name) => [name, /* @__PURE__ */ new Map()]));
	let listed;
	let synced = false;
	let asOf;
	let listBegan;
	let listedAt;
	let count = 0;
	const get = (namespace, name) => byNamespace.get(namespace)?.get(name);
	const unindex = (object) => {
		for (const [name, values] of byIndex) for (const value of indexes[name]?.(object) ?? []) {
			const found = values.get(value);
			found?.delete(object);
			if (found?.size === 0) values.delete(value);
		}
	};
	const put = (object) => {
		const { name, namespace } = object.metadata;
		const partition = byNamespace.get(namespace ?? "") ?? /* @__PURE__ */ new Map();
		byNamespace.set(namespace ?? "", partition);
		const previous = partition.get(name);
		if (previous === void 0) count++;
		else unindex(previous);
		partition.set(name, object);
		for (const [index, values] of byIndex) for (const value of indexes[index]?.(object) ?? []) values.set(value, (values.get(value) ?? /* @__PURE__ */ new Set()).add(object));
	};
	const takeOut = (object) => {
		const { name, namespace } = object.metadata;
		const partition = byNamespace.get(namespace ?? "");
		if (partition?.delete(name) !== true) return;
		count--;
		if (partition.size === 0) byNamespace.delete(namespace ?? "");
		unindex(object);
	};
	const upsert = (object) => {
		const previous = get(object.metadata.namespace ?? "", object.metadata.name);
		if (previous !== void 0 && !isNewer(object, previous)) return [];
		if (previous !== void 0 && previous.metadata.uid !== object.metadata.uid) {
			takeOut(previous);
			put(object);
			return [{
				type: "Delete",
				object: previous,
				evidence: "Event"
			}, {
				type: "Upsert",
				object,
				previous: void 0
			}];
		}
		put(object);
		return [{
			type: "Upsert",
			object,
			previous
		}];
	};
	const remove = (gone) => {
		const held = get(gone.metadata.namespace ?? "", gone.metadata.name);
		if (held === void 0 || held.metadata.uid !== gone.metadata.uid || isNewer(held, gone)) return [];
		takeOut(held);
		return [{
			type: "Delete",
			object: held,
			evidence: "Event"
		}];
	};
	const values = function* (namespace) {
		if (namespace !== void 0) yield* byNamespace.get(namespace)?.values() ?? [];
		else for (const partition of byNamespace.values()) yield* partition.values();
	};
	const endList = () => {
		const seen = listed ?? /* @__PURE__ */ new Set();
		const gone = [...values()].filter((object) => !seen.has(keyOf(object.metadata)));
		for (const object of gone) takeOut(object);
		listed = void 0;
		synced = true;
		listedAt = listBegan;
		return gone.map((object) => ({
			type: "Delete",
			object,
			evidence: "List"
		}));
	};
	return {
		reader: {
			get,
			values,
			indexed: (index, value) => {
				const found = byIndex.get(index);
				if (found === void 0) throw new Error(`no index "${index}" in this view`);
				return [...found.get(value) ?? []];
			},
			size: () => count,
			isSynced: () => synced,
			age: Effect.map(Clock.monotonicTimeNanos, (now) => asOf === void 0 || !synced ? Duration.infinity : Duration.nanos(now - asOf)),
			listedAt: () => listedAt
		},
		writer: {
			upsert,
			remove,
			applyPage: (objects) => {
				const seen = listed ??= /* @__PURE__ */ new Set();
				return objects.flatMap((object) => {
					seen.add(keyOf(object.metadata));
					return upsert(object);
				});
			},
			endList,
			beginList: Effect.map(Clock.monotonicTimeNanos, (now) => {
				listed = void 0;
				listBegan = now;
			}),
			keep: (key) => void (listed ??= /* @__PURE__ */ new Set()).add(key),
			touch: Effect.map(Clock.monotonicTimeNanos, (now) => {
				asOf = now;
			})
		}
	};
};
/** Versions grow within a kind; they are compared as numbers, never as text (failure-semantics.md section 9.4). */
const isNewer = (candidate, held) => {
	const [next, current] = [versionOf(candidate), versionOf(held)];
	return next === void 0 || current === void 0 || next > current;
};
const versionOf = (object) => {
	const version = object.metadata.resourceVersion ?? "";
	return /^\d+$/u.test(version) ? BigInt(version) : void 0;
};
export { make };
