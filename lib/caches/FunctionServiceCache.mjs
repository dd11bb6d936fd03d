import { functionKey } from "../fission/Function.mjs";
import { recordRunning } from "./RunningTime.mjs";
import { Clock, Duration, Effect } from "effect";
// src/caches/FunctionServiceCache.ts
/** An empty cache. Times are monotonic. */
const make = Effect.gen(function* () {
	const clock = yield* Clock.Clock;
	const services = yield* Effect.context();
	const entries = /* @__PURE__ */ new Map();
	/** Key of the entry that registered an address last. */
	const byAddress = /* @__PURE__ */ new Map();
	const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1000000n);
	const held = () => [...entries.values()].map(({ service }) => service);
	const entryOf = (service) => {
		const entry = entries.get(keyOf(service.fn));
		return entry !== void 0 && isSame(entry.service, service) ? entry : void 0;
	};
	const ageOf = (entry) => Duration.millis(now() - entry.usedAt);
	const forget = (key, { createdAt, service, usedAt }) => {
		entries.delete(key);
		if (byAddress.get(service.address) === key) byAddress.delete(service.address);
		recordRunning(service.fn, (usedAt - createdAt) / 1e3, services);
	};
	const put = (key, service, createdAt) => {
		entries.set(key, {
			service,
			createdAt,
			usedAt: now()
		});
		byAddress.set(service.address, key);
	};
	return {
		add: (service) => {
			const key = keyOf(service.fn);
			const known = entries.get(key);
			if (known !== void 0) {
				if (byAddress.get(known.service.address) === key) byAddress.delete(known.service.address);
				put(key, service, known.createdAt);
				return;
			}
			const successor = [...entries.values()].find((entry) => isSucceededBy(service, entry.service));
			if (successor !== void 0) {
				successor.usedAt = now();
				return;
			}
			for (const [other, entry] of entries) if (isSucceededBy(entry.service, service)) forget(other, entry);
			put(key, service, now());
		},
		find: (fn) => {
			const entry = entries.get(keyOf(fn));
			if (entry === void 0) return void 0;
			entry.usedAt = now();
			return entry.service;
		},
		live: (uid) => held().filter(({ fn }) => fn.uid === uid && fn.version === "").sort((left, right) => right.fn.generation - left.fn.generation)[0],
		ofFunction: (uid) => held().filter(({ fn }) => fn.uid === uid),
		ofVersion: (namespace, version) => held().filter(({ fn }) => fn.namespace === namespace && fn.version === version && version !== ""),
		touch: (address) => {
			const entry = entries.get(byAddress.get(address) ?? "");
			if (entry === void 0) return false;
			entry.usedAt = now();
			return true;
		},
		touchAll: (namespace) => {
			for (const entry of entries.values()) if (entry.service.fn.namespace === namespace) entry.usedAt = now();
		},
		remove: (service, minimumAge = Duration.zero) => {
			const entry = entryOf(service);
			if (entry === void 0 || Duration.isLessThan(ageOf(entry), minimumAge)) return false;
			forget(keyOf(service.fn), entry);
			return true;
		},
		idle: (age, namespace) => [...entries.values()].filter(({ service }) => namespace === void 0 || service.fn.namespace === namespace).map((entry) => ({
			service: entry.service,
			idleFor: ageOf(entry)
		})).filter(({ idleFor }) => Duration.isGreaterThan(idleFor, age)),
		idleFor: (service) => {
			const entry = entryOf(service);
			return entry === void 0 ? void 0 : ageOf(entry);
		}
	};
});
/** `<uid>_<generation>`, and the version behind it: a version is of the generation that the live function has too (C32). */
const keyOf = ({ version, ...fn }) => version === "" ? functionKey(fn) : `${functionKey(fn)}@${version}`;
const isSame = (one, other) => one.address === other.address && one.deploymentUid === other.deploymentUid;
/** Two generations of the live function share their Deployment: only the newer one is used and tapped (C3). */
const isSucceededBy = (older, newer) => older.fn.version === "" && newer.fn.version === "" && older.fn.uid === newer.fn.uid && older.fn.generation < newer.fn.generation && older.name === newer.name;
export { make };
