/** Retries that a namespace may make at once before the budget paces them. */
const capacity = 20
/** Retries a namespace earns back per second. */
const perSecond = 1

/** What is left of a namespace's retries: a token bucket that may go into debt, which callers pay by waiting. */
export interface RetryBudget {
  readonly tokens: number
  /** Monotonic milliseconds of the last change. */
  readonly at: number
}

/** A budget that nothing has been spent from. */
export const full: RetryBudget = { tokens: capacity, at: 0 }

/**
 * Spends one retry. `waitMillis` is 0 while the budget lasts, else how long the retry has to wait for its token, so
 * that a namespace with many failing items sends no more than one retry a second.
 */
export const spend = (
  budget: RetryBudget,
  now: number
): { readonly budget: RetryBudget; readonly waitMillis: number } => {
  const earned = Math.max(0, ((now - budget.at) / 1000) * perSecond)
  const tokens = Math.min(capacity, budget.tokens + earned) - 1
  return { budget: { tokens, at: now }, waitMillis: tokens >= 0 ? 0 : Math.ceil((-tokens / perSecond) * 1000) }
}

/** The budget without its debt, for a namespace that answers again: what fails from now on pays for itself only. */
export const forgiven = (budget: RetryBudget): RetryBudget => ({ ...budget, tokens: Math.max(0, budget.tokens) })
