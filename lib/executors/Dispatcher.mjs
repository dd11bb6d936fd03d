import { Settings } from "../Config.mjs";
import { FissionError } from "../Errors.mjs";
import { executorTypeOf, specializationSeconds } from "../fission/Function.mjs";
import { keyOf } from "../fission/ObjectMeta.mjs";
import { Environments, FunctionAliases, FunctionVersions, Functions, Packages } from "../fission/ResourceKind.mjs";
import { isSynced } from "../informers/NamespaceView.mjs";
import { Degradation } from "../namespaces/Degradation.mjs";
import { Supervisor } from "../namespaces/Supervisor.mjs";
import { ExecutorTypes } from "./ExecutorType.mjs";
import { Clock, Context, Duration, Effect, Exit, Layer, Semaphore, identity } from "effect";
// src/executors/Dispatcher.ts
/**
* Sends each request to the executor type that its Function names, and holds all types to one bound of creations and to
* each function's deadline (http-api.md section 6).
*/
var Dispatcher = class Dispatcher extends Context.Service()("fission-executor/executors/Dispatcher") {
	/** The dispatcher over the registered executor types. */
	static layer = Layer.effect(Dispatcher, Effect.gen(function* () {
		const types = yield* ExecutorTypes;
		const supervisor = yield* Supervisor;
		const degradation = yield* Degradation;
		const { specializationConcurrency } = yield* Settings;
		const slots = yield* Semaphore.make(specializationConcurrency);
		const inSlot = specializationConcurrency === 0 ? identity : slots.withPermits(1);
		let stopping = false;
		/**
		* Runs a creation within the bound and its deadline, whose clock starts with the slot. To be run uninterruptibly;
		* whatever ends it without an address abandons it.
		*/
		const create = (fn, miss, correlationId) => Effect.suspend(() => stopping ? Effect.fail(isStopping()) : miss.create(correlationId)).pipe(Effect.timeoutOrElse({
			duration: Duration.seconds(specializationSeconds(fn)),
			orElse: () => Effect.fail(tookTooLong(fn))
		}), inSlot, Effect.interruptible, Effect.tap(() => degradation.succeeded(fn, "request")), Effect.tapError((error) => stopping ? Effect.void : degradation.refused(fn, error)), Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Effect.sync(miss.abandon)));
		const getService = Effect.fnUntraced(function* (fn, correlationId) {
			const name = executorTypeOf(fn);
			const type = types.get(name);
			if (type === void 0) return yield* new FissionError({
				kind: "Internal",
				text: `unknown executor type '${name}'`
			});
			for (let round = 0; round < invalidHits; round++) {
				const admission = yield* type.admit(fn);
				if (admission._tag === "Miss") return yield* create(fn, admission, correlationId);
				if (admission.isValid()) return admission.service;
				admission.evict();
			}
			return yield* new FissionError({
				kind: "Unavailable",
				text: `function ${keyOf(fn.metadata)}: its pods keep disappearing`
			});
		}, Effect.uninterruptible);
		const ensureCapacity = Effect.fnUntraced(function* (fn, correlationId) {
			const name = executorTypeOf(fn);
			const ensure = types.get(name)?.ensureCapacity;
			if (ensure === void 0) {
				const text = `ensureCapacity supports poolmgr only, got '${escapeHtml(name)}'`;
				return yield* new FissionError({
					kind: "InvalidArgument",
					text
				});
			}
			const reservation = yield* Effect.interruptible(ensure(fn));
			return yield* create(fn, reservation, correlationId);
		}, Effect.mapError(neverNotFound), Effect.uninterruptible);
		const tap = (taps) => Effect.sync(() => {
			const unknownType = [];
			let touched = 0;
			let notFound = 0;
			for (const entry of taps) {
				const type = types.get(entry.executorType === "" ? "poolmgr" : entry.executorType);
				if (type === void 0) unknownType.push(entry);
				else if (type.tap(entry.address)) touched++;
				else notFound++;
			}
			return {
				touched,
				notFound,
				unknownType
			};
		});
		const unTap = (entry) => Effect.suspend(() => {
			const type = entry.executorType === "poolmgr" ? types.get("poolmgr") : void 0;
			if (type === void 0) {
				const text = escapeHtml(`Unknown executor type '${entry.executorType}'`);
				return Effect.fail(new FissionError({
					kind: "InvalidArgument",
					text
				}));
			}
			type.unTap(entry);
			return Effect.void;
		});
		return Dispatcher.of({
			getService,
			addressInView: (fn) => types.get(executorTypeOf(fn))?.addressInView?.(fn) ?? Effect.undefined,
			ensureCapacity,
			tap,
			unTap,
			debugInfo: Effect.sync(() => types.all().map((type) => type.debugInfo?.() ?? "").join("")),
			ready: readiness(supervisor),
			missingDefinitions: () => missingDefinitions(supervisor),
			stopCreating: () => {
				stopping = true;
			}
		});
	}));
};
const isStopping = () => new FissionError({
	kind: "Unavailable",
	text: "the executor is shutting down; retry"
});
const tookTooLong = (fn) => new FissionError({
	kind: "Internal",
	text: `[${fn.metadata.name}] error creating service for function: not done within ${specializationSeconds(fn)} s`,
	degraded: "NotReadyInTime"
});
const neverNotFound = (error) => error.kind === "NotFound" ? new FissionError({
	kind: "InvalidArgument",
	text: error.text,
	cause: error
}) : error;
/** Go's HTML escaping, as the stock executor writes type names into answers (http-api.md section 4.4). */
const escapeHtml = (text) => text.replace(/[&<>'"]/gu, (character) => `&${{
	"&": "amp",
	"<": "lt",
	">": "gt",
	"'": "#39",
	"\"": "#34"
}[character]};`);
/** Invalid hits in a row after which a request gives up; each one was evicted, so a next round finds others. */
const invalidHits = 100;
/** How long a namespace that has not answered its first lists may hold back readiness once another one is synced. */
const settleWithin = Duration.seconds(5);
/**
* Ready as soon as one namespace is synced and each other one is synced too, has failed its first lists, or has had
* 5 s: a namespace in trouble never keeps the healthy ones from serving, neither now nor later.
*/
const readiness = (supervisor) => {
	let firstSyncedAt;
	let ready = false;
	return Effect.suspend(() => ready ? Effect.succeed(true) : Effect.map(Clock.monotonicTimeNanos, (now) => {
		const { cells } = supervisor;
		if (!cells.some((cell) => isSynced(cell.view))) return false;
		firstSyncedAt ??= now;
		ready = !cells.some((cell) => !isSynced(cell.view) && cell.health().state === "Starting") || Duration.isGreaterThanOrEqualTo(Duration.nanos(now - firstSyncedAt), settleWithin);
		return ready;
	}));
};
/** A path that answers 404 for longer than a server takes to start is one without its CRD. */
const missingDefinitions = ({ cells }) => {
	const missing = new Set(cells.flatMap((cell) => cell.kinds()).filter(({ status: { error } }) => error?._tag === "KubernetesFatalError" && error.status === 404).map(({ resource }) => resource));
	return customResources.filter((plural) => missing.has(plural)).map((plural) => `${plural}.fission.io`);
};
const customResources = [
	Functions,
	Environments,
	Packages,
	FunctionVersions,
	FunctionAliases
].map(({ plural }) => plural);
export { Dispatcher };
