import { Settings } from "../Config.mjs";
import { DecisionLog } from "./DecisionLog.mjs";
import { Context, Effect, Layer } from "effect";
// src/safeguards/DryRun.ts
/** With `EXECUTOR_REAPER=dry-run` nothing idle and nothing without an owner is deleted; what would be is said instead. */
var DryRun = class DryRun extends Context.Service()("fission-executor/safeguards/DryRun") {
	static layer = Layer.effect(DryRun, Effect.gen(function* () {
		const { reaperDryRun } = yield* Settings;
		const decisions = yield* DecisionLog;
		return DryRun.of({
			isOn: reaperDryRun,
			wouldDelete: (deletion) => decisions.recordOnce({
				...deletion,
				action: "WouldDelete"
			})
		});
	}));
};
export { DryRun };
