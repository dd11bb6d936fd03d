import { Context, Duration, Effect, Latch, Layer, Option, Random, Schema } from "effect";
// src/devcluster/Faults.ts
/**
* Answers of an API server in trouble (failure-semantics.md section 2). What the preset `forbidden` answers depends on the
* request.
*/
const faultAnswers = {
	etcdTimeout: {
		status: 500,
		reason: "",
		message: "etcdserver: request timed out"
	},
	timeout: {
		status: 504,
		reason: "Timeout",
		message: "Timeout: request did not complete within the allotted timeout"
	},
	tooManyRequests: {
		status: 429,
		message: "Too many requests, please try again later.\n",
		retryAfterSeconds: 1
	},
	unauthorized: {
		status: 401,
		reason: "Unauthorized",
		message: "Unauthorized"
	},
	unavailable: {
		status: 503,
		message: "service unavailable"
	}
};
/** The answer of a preset. */
const faultAnswer = (preset) => faultAnswers[preset];
const Preset = Schema.Literals([
	"etcdTimeout",
	"timeout",
	"tooManyRequests",
	"forbidden",
	"unauthorized",
	"unavailable"
]);
const watchEnds = [
	"dropWatch",
	"endWatch",
	"expireWatch"
];
const watchEndOf = ({ type }) => type === "silence" ? type : watchEnds.find((end) => end === type);
/**
* What happens to a request that a fault meets.
*
* - `error`: the preset's answer, nothing else
* - `delay`: the request goes on after a while
* - `hang`: no answer until the client leaves or the fault is lifted; then the request goes on
* - `reset`: the socket is destroyed
* - `silence`: neither this request nor an open watch hears anything any more, not even when the fault is lifted
* - `cut`: the connection breaks within the answer
* - `answer`: an answer of your own, such as one that was recorded
* - `dropWatch`: open watches end at once, new ones are refused by a reset
* - `endWatch`, `expireWatch`: watches end as they should, or because their version is too old, new ones at once
* - `applyThenError`: a write is applied and answered with the preset all the same
*/
const FaultAction = Schema.Union([
	Schema.Struct({
		type: Schema.Literals(["error", "applyThenError"]),
		preset: Preset,
		retryAfterSeconds: Schema.optionalKey(Schema.Finite)
	}),
	Schema.Struct({
		type: Schema.Literal("delay"),
		milliseconds: Schema.Finite
	}),
	Schema.Struct({
		type: Schema.Literal("answer"),
		status: Schema.Int.check(Schema.isBetween({
			minimum: 200,
			maximum: 599
		})),
		headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
		body: Schema.String
	}),
	Schema.Struct({ type: Schema.Literals([
		"hang",
		"silence",
		"reset",
		"cut",
		...watchEnds
	]) })
]);
/** Which requests a fault meets, and what happens to them. Absent conditions match everything. */
const Fault = Schema.Struct({
	verb: Schema.optionalKey(Schema.Literals([
		"get",
		"list",
		"watch",
		"create",
		"update",
		"patch",
		"delete"
	])),
	/** Plural: `environments`, with every subresource; or one subresource: `functions/status`. */
	resource: Schema.optionalKey(Schema.String),
	namespace: Schema.optionalKey(Schema.String),
	name: Schema.optionalKey(Schema.String),
	/** How the User-Agent begins, to spare other clients. */
	client: Schema.optionalKey(Schema.String),
	/** Share of the matching requests, 0 to 1; default 1. */
	share: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({
		minimum: 0,
		maximum: 1
	}))),
	/** Seconds after which the fault lifts itself; default never. */
	seconds: Schema.optionalKey(Schema.Finite),
	/** Requests that it meets at most; default unlimited. It is lifted then, but those that hang go on hanging. */
	count: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
	action: FaultAction
}).annotate({ identifier: "Fault" });
/** Faults of the embedded API server, for tests, the demo and the admin endpoint. */
var Faults = class Faults extends Context.Service()("fission-executor/devcluster/Faults") {
	static layer = Layer.effect(Faults, Effect.gen(function* () {
		const scope = yield* Effect.scope;
		const held = /* @__PURE__ */ new Map();
		const openWatches = /* @__PURE__ */ new Set();
		let next = 1;
		const remove = (id) => {
			const fault = held.get(id);
			held.delete(id);
			fault?.lifted.openUnsafe();
			return fault !== void 0;
		};
		/** Whether this fault meets this request, which counts. */
		const meets = Effect.fnUntraced(function* (entry, target) {
			const { action, count, share } = entry.fault;
			if (!matches(entry.fault, target) || entry.met === count) return false;
			if (share !== void 0 && (yield* Random.next) >= share) return false;
			entry.met++;
			if (entry.met === count && action.type !== "hang") remove(entry.id);
			return true;
		});
		return Faults.of({
			inject: Effect.fnUntraced(function* (fault) {
				const id = `fault-${next++}`;
				const entry = {
					id,
					fault,
					met: 0,
					lifted: Latch.makeUnsafe()
				};
				held.set(id, entry);
				if (fault.seconds !== void 0) {
					const end = Effect.sync(() => remove(id));
					yield* Effect.forkIn(Effect.delay(end, Duration.seconds(fault.seconds)), scope);
				}
				const end = watchEndOf(fault.action);
				if (end !== void 0) {
					for (const watch of openWatches) if (yield* meets(entry, watch.target)) watch.end(end);
				}
				return id;
			}),
			lift: (id) => Effect.sync(() => remove(id)),
			liftAll: Effect.sync(() => {
				for (const id of held.keys()) remove(id);
			}),
			active: Effect.sync(() => [...held.values()]),
			meet: Effect.fnUntraced(function* (target) {
				for (const entry of held.values()) if (yield* meets(entry, target)) return Option.some(entry);
				return Option.none();
			}),
			watchEnded: (target) => Effect.callback((resume) => {
				const watch = {
					target,
					end: (how) => resume(Effect.succeed(how))
				};
				openWatches.add(watch);
				return Effect.sync(() => openWatches.delete(watch));
			})
		});
	}));
};
/** Whether a fault is about this request, leaving its share and count aside. */
const matches = (fault, target) => (fault.verb === void 0 || fault.verb === target.verb) && (!isForWatches(fault.action) || target.verb === "watch") && (fault.action.type !== "applyThenError" || isWrite(target.verb)) && (fault.resource === void 0 || `${target.resource}/`.startsWith(`${fault.resource}/`)) && (fault.namespace === void 0 || fault.namespace === target.namespace) && (fault.name === void 0 || fault.name === target.name) && (fault.client === void 0 || target.client.startsWith(fault.client));
const isForWatches = (action) => !["silence", void 0].includes(watchEndOf(action));
const isWrite = (verb) => ![
	"get",
	"list",
	"watch"
].includes(verb);
export { Fault, FaultAction, Faults, faultAnswer, faultAnswers };
