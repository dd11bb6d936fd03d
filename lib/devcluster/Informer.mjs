import { make as make$1 } from "../kubernetes/Reflector.mjs";
import { Duration, Effect, Latch } from "effect";
// src/devcluster/Informer.ts
/** How long a controller waits for its own write to come back through the watch. */
const echoWithin = Duration.seconds(30);
/** Lists and watches until the scope closes. */
const make = (options) => Effect.gen(function* () {
	const listeners = /* @__PURE__ */ new Set();
	const synced = yield* Latch.make();
	const onStatus = (status) => {
		if (status.state === "Watching") return synced.open;
		if (status.error === void 0) return Effect.void;
		return Effect.logDebug("view is out of date", {
			kind: options.kind.kind,
			problem: status.error.message
		});
	};
	const reflector = yield* make$1({
		...options,
		onChange: (change) => listeners.forEach((listener) => listener(change)),
		onStatus
	});
	yield* Effect.forkScoped(reflector.run);
	const { store } = reflector;
	let latest = 0n;
	listeners.add(({ object }) => {
		const version = versionOf(object);
		if (version > latest) latest = version;
	});
	const until = (condition) => Effect.callback((resume) => {
		const check = () => {
			if (condition(store)) resume(Effect.void);
		};
		listeners.add(check);
		check();
		return Effect.sync(() => listeners.delete(check));
	}).pipe(Effect.timeoutOption(echoWithin), Effect.asVoid);
	return {
		store,
		synced: synced.await,
		subscribe: (listener) => {
			listeners.add(listener);
			for (const object of store.values()) listener({
				type: "Upsert",
				object,
				previous: void 0
			});
		},
		until,
		untilAsNewAs: (written) => until(() => latest >= versionOf(written))
	};
});
const versionOf = ({ metadata }) => BigInt(metadata.resourceVersion ?? 0);
export { make };
