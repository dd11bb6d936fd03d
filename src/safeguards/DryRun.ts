import { Context, Effect, Layer } from "effect"
import { Settings } from "../Config.ts"
import { type Decision, DecisionLog } from "./DecisionLog.ts"

/** With `EXECUTOR_REAPER=dry-run` nothing idle and nothing without an owner is deleted; what would be is said instead. */
export class DryRun extends Context.Service<
  DryRun,
  {
    readonly isOn: boolean
    /** Records a deletion that does not happen, once per object and reason. */
    readonly wouldDelete: (deletion: Omit<Decision, "action">) => Effect.Effect<void>
  }
>()("fission-executor/safeguards/DryRun") {
  static readonly layer: Layer.Layer<DryRun, never, Settings | DecisionLog> = Layer.effect(
    DryRun,
    Effect.gen(function* () {
      const { reaperDryRun } = yield* Settings
      const decisions = yield* DecisionLog
      return DryRun.of({
        isOn: reaperDryRun,
        wouldDelete: (deletion) => decisions.recordOnce({ ...deletion, action: "WouldDelete" })
      })
    })
  )
}
