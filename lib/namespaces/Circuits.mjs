import { TimeoutError, isWrite } from "../Errors.mjs";
import { ApiServerHealth } from "../kubernetes/ApiServerHealth.mjs";
import { abandonProbe, admit, afterCall, closed, waitMillis } from "./Circuit.mjs";
import { Cause, Clock, Context, Duration, Effect, Exit, Layer, Random } from "effect";
// src/namespaces/Circuits.ts
/**
* One circuit per namespace for reads and one for writes, which fail apart (a webhook stops only writes): after five
* time-outs in a row, or more than half of twenty calls, such calls fail at once until a probe succeeds
* (failure-semantics.md section 3). No namespace affects another. While the server itself is away no circuit probes, and
* its return closes every one.
*/
var Circuits = class Circuits extends Context.Service()("fission-executor/namespaces/Circuits") {
	static layer = Layer.effect(Circuits, Effect.gen(function* () {
		const random = yield* Random.Random;
		const server = yield* ApiServerHealth;
		const circuits = /* @__PURE__ */ new Map();
		const circuitOf = (id) => {
			const circuit = circuits.get(id) ?? closed;
			const { returnedAt } = server.status();
			return circuit._tag !== "Closed" && returnedAt !== void 0 && circuit.since < returnedAt ? closed : circuit;
		};
		const isOpen = (namespace) => [readsOf(namespace), writesOf(namespace)].some((id) => circuitOf(id)._tag !== "Closed");
		const refuse = (call, wait, problem) => {
			const { someoneWaits, ...what } = call;
			if (someoneWaits) server.someoneWaits(call.namespace);
			return new TimeoutError({
				...what,
				kind: "Unavailable",
				detail: `not sent: ${problem}; next attempt in ${Duration.format(Duration.millis(wait))}`,
				retryAfter: Duration.millis(wait),
				outcomeUnknown: false
			});
		};
		/** Undefined when the call may go. */
		const refusal = (id, call, now) => {
			const before = circuitOf(id);
			if (before._tag !== "Closed" && server.status().state !== "Answering") return refuse(call, 1e3, "the API server does not answer");
			const { admitted, circuit } = admit(before, now, call.someoneWaits);
			circuits.set(id, circuit);
			if (admitted) return void 0;
			const problem = `${isWrite(call) ? "writes" : "reads"} in namespace "${call.namespace}" keep timing out`;
			return refuse(call, Math.max(1e3, waitMillis(circuit, now)), problem);
		};
		const protect = Effect.fnUntraced(function* (call, self) {
			const id = isWrite(call) ? writesOf(call.namespace) : readsOf(call.namespace);
			const refused = refusal(id, call, yield* monotonicMillis);
			if (refused !== void 0) return yield* refused;
			return yield* self.pipe(Effect.onExit((exit) => Effect.map(monotonicMillis, (at) => {
				if (Exit.isSuccess(exit)) server.succeeded(call.namespace);
				const before = circuitOf(id);
				const outcome = outcomeOf(exit);
				circuits.set(id, outcome === void 0 ? abandonProbe(before, at) : afterCall(before, outcome, at, random.nextDoubleUnsafe()));
				server.circuit(call.namespace, isOpen(call.namespace));
			})));
		});
		return Circuits.of({
			protect,
			isOpen,
			of: (namespace) => ({
				reads: circuitOf(readsOf(namespace))._tag,
				writes: circuitOf(writesOf(namespace))._tag
			}),
			succeeded: (namespace) => {
				circuits.delete(readsOf(namespace));
				circuits.delete(writesOf(namespace));
				server.circuit(namespace, false);
			}
		});
	}));
};
const readsOf = (namespace) => `reads/${namespace}`;
const writesOf = (namespace) => `writes/${namespace}`;
/** Monotonic time for ages and waits; wall time may jump. */
const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1000000n));
/**
* Undefined for a call that was interrupted or not sent: it shows nothing. A refusal by rights is an answer, even while
* it may pass.
*/
const outcomeOf = (exit) => {
	if (Exit.isSuccess(exit)) return "Answer";
	if (Cause.hasInterrupts(exit.cause)) return void 0;
	const error = Cause.findErrorOption(exit.cause);
	if (error._tag === "None") return void 0;
	if (error.value._tag !== "KubernetesTimeoutError" || error.value.kind === "Warmup") return "Answer";
	return error.value.kind === "NotLeader" ? void 0 : "Timeout";
};
export { Circuits };
