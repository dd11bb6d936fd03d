import type { ConditionOptions, WantedCondition } from "../../safeguards/Conditions.ts"

/** The condition that says how a function's provisioned concurrency stands (resources.md section 3.2). */
export const conditionType = "Provisioned"

/** How many pods to hold, and what made it fewer than the function asks for now. */
export interface Effective {
  readonly target: number
  /** A sentence; only a bound is reported, not a window with a lower target (resources.md R5). */
  readonly clamped?: string
}

/**
 * The target within the bounds.
 *
 * @param concurrency most pods of the function; 0: unlimited
 */
export const effectiveTarget = (wanted: number, maxPerFunction: number, concurrency: number): Effective => {
  const most = concurrency === 0 ? maxPerFunction : Math.min(maxPerFunction, concurrency)
  if (wanted <= most) return { target: wanted }
  const bound = most === maxPerFunction ? "the namespace cap" : "the function's concurrency"
  return { target: most, clamped: `spec target ${wanted} exceeds ${bound}; effective target clamped to ${most}` }
}

/** What a Function says of it. `base`: the target outside of every window. A target of 0 is told with no numbers at all. */
export const statusOf = ({
  base,
  effective: { clamped, target },
  ready
}: {
  readonly effective: Effective
  readonly ready: number
  readonly base: number
}): [WantedCondition, ConditionOptions] => {
  const isSatisfied = target > 0 && ready >= target
  const reason = target === 0 ? "ProvisionedDisabled" : isSatisfied ? "ProvisionedSatisfied" : "ProvisionedWarming"
  const condition: WantedCondition = {
    type: conditionType,
    status: isSatisfied ? "True" : "False",
    reason: clamped === undefined ? reason : "ProvisionedClamped",
    message: clamped ?? ""
  }
  return [
    condition,
    {
      counts: {
        provisionedReady: ready,
        provisionedTarget: target,
        provisionedSpecTarget: target === 0 ? 0 : base
      }
    }
  ]
}
