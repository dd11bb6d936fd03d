import { Context, Effect, Layer, Random } from "effect";
// src/executors/InstanceId.ts
const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
/** Names this process on the objects it writes: eight lower-case characters, new at each start (lifecycle.md section 5). */
var InstanceId = class InstanceId extends Context.Service()("fission-executor/executors/InstanceId") {
	static layer = Layer.effect(InstanceId, Effect.gen(function* () {
		let value = "";
		while (value.length < 8) value += alphabet[yield* Random.nextIntBetween(0, 36, { halfOpen: true })] ?? "";
		return InstanceId.of({ value });
	}));
};
export { InstanceId };
