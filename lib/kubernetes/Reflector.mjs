import { keyOf } from "../fission/ObjectMeta.mjs";
import { retries } from "./CallMetrics.mjs";
import { KubernetesApi } from "./KubernetesApi.mjs";
import { Outcome, listing, step, suspiciousAfter } from "./ReflectorState.mjs";
import { retry, watch } from "./RetryPolicy.mjs";
import { make as make$1 } from "./Store.mjs";
import { makeUnsafe } from "./WarmUp.mjs";
import { Clock, Duration, Effect, Latch, Metric, Random, Result, Stream } from "effect";
// src/kubernetes/Reflector.ts
/** Bounds of the server's own end of a watch. */
const watchTimeout = {
	least: Duration.minutes(5),
	most: Duration.minutes(10)
};
/** A stream without a line for this long is given up; bookmarks come about once a minute. */
const silence = Duration.seconds(100);
/** How long an accepted watch may prove by itself, with an event, that all is well again after failures. */
const proofAfter = Duration.millis(500);
/** Least time between two lists that somebody asked for. */
const relistAtMost = Duration.minutes(1);
/** Makes a reflector with an empty view; nothing is asked before `run`. */
const make = (options) => Effect.gen(function* () {
	const { kind, namespace, labelSelector } = options;
	const api = yield* KubernetesApi;
	const warmUps = {
		list: makeUnsafe(),
		watch: makeUnsafe()
	};
	const { reader, writer } = make$1(options.indexes);
	const wake = yield* Latch.make();
	const relistWanted = yield* Latch.make();
	const malformed = /* @__PURE__ */ new Map();
	let state = listing(0);
	let trouble;
	let relistedAt;
	/** Tells every change; the first throw is passed on at the end. */
	const announce = (changes) => {
		const thrown = [];
		for (const change of changes) try {
			options.onChange(change);
		} catch (error) {
			thrown.push(error);
		}
		if (thrown.length > 0) throw thrown[0];
	};
	/** The object as the view holds it; one that cannot be read is named once per version and left out. */
	const decode = Effect.fnUntraced(function* (raw) {
		const decoded = kind.decode(raw);
		const key = keyOf(raw.metadata);
		if (Result.isSuccess(decoded)) {
			malformed.delete(key);
			return decoded.success;
		}
		const version = raw.metadata.resourceVersion ?? "";
		if (malformed.get(key) === version) return void 0;
		malformed.set(key, version);
		yield* Effect.logWarning("object cannot be read and is left out of the view").pipe(Effect.annotateLogs({
			kind: kind.kind,
			namespace: raw.metadata.namespace ?? "",
			name: raw.metadata.name,
			problem: decoded.failure.message
		}));
	});
	const list = Effect.fnUntraced(function* (from) {
		if (from.continue === void 0) {
			yield* writer.beginList;
			relistWanted.closeUnsafe();
		}
		const page = yield* api.list(kind, {
			namespace,
			labelSelector,
			limit: from.limit,
			continue: from.continue
		});
		const objects = [];
		for (const raw of page.items) {
			const object = yield* decode(raw);
			if (object === void 0) writer.keep(keyOf(raw.metadata));
			else objects.push(object);
		}
		yield* writer.touch;
		announce(writer.applyPage(objects));
		if (page.continue === void 0) announce(writer.endList());
		return Outcome.Page({
			...page,
			objects: page.items.length
		});
	});
	const recovered = Effect.suspend(() => {
		if (trouble === void 0) return Effect.void;
		trouble = void 0;
		return options.onStatus(status());
	});
	/**
	* A quiet collection may have no event for a minute, and an accepted watch proves nothing: with a frozen etcd it stays
	* silent. So after failures a quorum read of one object says that all is well again.
	*/
	const proveRecovery = (from, opened) => from.failures === 0 ? Effect.never : opened.await.pipe(Effect.andThen(Effect.sleep(proofAfter)), Effect.andThen(Effect.suspend(() => trouble === void 0 ? Effect.never : Effect.void)), Effect.andThen(api.list(kind, {
		namespace,
		labelSelector,
		limit: 1
	})), retry(watch), Effect.andThen(recovered), Effect.ignore, Effect.andThen(Effect.never));
	const watch$1 = Effect.fnUntraced(function* (from) {
		const startedAt = yield* Clock.monotonicTimeNanos;
		const { least, most } = watchTimeout;
		const timeout = Duration.sum(least, Duration.times(Duration.subtract(most, least), yield* Random.next));
		let resourceVersion = from.resourceVersion;
		let heardAt;
		const receive = Effect.fnUntraced(function* (event) {
			heardAt = yield* Clock.monotonicTimeNanos;
			yield* writer.touch;
			yield* recovered;
			if (event.type === "DELETED") {
				malformed.delete(keyOf(event.object.metadata));
				announce(writer.remove(event.object));
			} else if (event.type !== "BOOKMARK") {
				const object = yield* decode(event.object);
				if (object !== void 0) announce(writer.upsert(object));
			}
			resourceVersion = versionAfter(event, resourceVersion);
		});
		const quiet = Effect.map(Clock.monotonicTimeNanos, (now) => heardAt === void 0 ? Duration.sum(from.quiet, Duration.nanos(now - startedAt)) : Duration.nanos(now - heardAt));
		const suspicion = Effect.gen(function* () {
			for (let past = yield* quiet; Duration.isLessThan(past, suspiciousAfter); past = yield* quiet) yield* Effect.sleep(Duration.subtract(suspiciousAfter, past));
		});
		const progress = Effect.map(Clock.monotonicTimeNanos, (now) => ({
			resourceVersion,
			lasted: Duration.nanos(now - startedAt),
			heard: heardAt !== void 0
		}));
		const opened = yield* Latch.make();
		const stream = api.watch(kind, {
			namespace,
			labelSelector,
			resourceVersion,
			timeout,
			silence,
			opened: Effect.asVoid(opened.open)
		}).pipe(Stream.runForEach(receive));
		return yield* Effect.matchEffect(stream, {
			onSuccess: () => Effect.map(progress, (reached) => Outcome.StreamEnded(reached)),
			onFailure: (error) => Effect.map(progress, (reached) => Outcome.StreamFailed({
				...reached,
				error
			}))
		}).pipe(Effect.raceFirst(Effect.as(Effect.raceFirst(suspicion, relistWanted.await), Outcome.Doubted())), Effect.raceFirst(proveRecovery(from, opened)));
	});
	const ask = Effect.suspend(() => {
		const asked = state;
		switch (asked._tag) {
			case "Listing": return Effect.matchEffect(list(asked), {
				onSuccess: (page) => Effect.as(warmUps.list.judge(void 0), page),
				onFailure: (error) => Effect.map(warmUps.list.judge(error), (error) => Outcome.ListFailed({ error }))
			});
			case "Watching": return Effect.flatMap(watch$1(asked), (outcome) => outcome._tag === "StreamFailed" ? Effect.map(warmUps.watch.judge(outcome.error), (error) => Outcome.StreamFailed({
				...outcome,
				error
			})) : Effect.as(warmUps.watch.judge(void 0), outcome));
			case "Waiting":
				wake.closeUnsafe();
				return Effect.raceFirst(Effect.sleep(asked.delay), wake.await).pipe(Effect.andThen(asked.error === void 0 ? Effect.void : Metric.update(retries, 1)), Effect.as(Outcome.Waited()));
		}
	});
	const status = () => trouble ?? {
		state: attemptOf(state)._tag,
		failures: 0
	};
	return {
		store: reader,
		status,
		run: Effect.gen(function* () {
			while (true) {
				yield* options.onStatus(status());
				const outcome = yield* ask;
				const before = state;
				state = step(before, outcome, yield* Random.next);
				if (before._tag === "Watching" && attemptOf(state)._tag === "Listing") yield* countRelist(outcome);
				trouble = troubleOf(state, trouble);
			}
		}),
		retryNow: wake.open,
		relist: Effect.gen(function* () {
			const now = yield* Clock.monotonicTimeNanos;
			if (relistedAt !== void 0 && Duration.isLessThan(Duration.nanos(now - relistedAt), relistAtMost)) return;
			relistedAt = now;
			yield* relistWanted.open;
		})
	};
});
const relists = Metric.counter("fission_executor_watch_relists_total", {
	description: "Watches that could not go on, so that their collection was listed again",
	incremental: true
});
const countRelist = (outcome) => Metric.update(Metric.withAttributes(relists, { reason: reasonOf(outcome) }), 1);
const reasonOf = (outcome) => {
	if (outcome._tag !== "StreamFailed") return "doubted";
	return outcome.error._tag === "KubernetesExpired" ? "expired" : "failures";
};
/** An event without a version, which no server should send, leaves us where we were. */
const versionAfter = (event, before) => {
	const version = event.object.metadata.resourceVersion ?? "";
	return version === "" ? before : version;
};
const attemptOf = (state) => state._tag === "Waiting" ? state.next : state;
/** Trouble begins with a failure, lasts through the attempts that follow, and ends with the failures. */
const troubleOf = (state, before) => {
	if (state.failures === 0) return void 0;
	if (state._tag === "Waiting" && state.error !== void 0) return {
		state: state.error._tag === "KubernetesFatalError" ? "Blocked" : "BackingOff",
		failures: state.failures,
		error: state.error,
		nextAttempt: state.delay
	};
	if (before === void 0) return void 0;
	const { nextAttempt: _, ...attempted } = before;
	return attempted;
};
export { make };
