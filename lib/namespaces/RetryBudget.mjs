// src/namespaces/RetryBudget.ts
/** Retries that a namespace may make at once before the budget paces them. */
const capacity = 20;
/** Retries a namespace earns back per second. */
const perSecond = 1;
/** A budget that nothing has been spent from. */
const full = {
	tokens: capacity,
	at: 0
};
/**
* Spends one retry. `waitMillis` is 0 while the budget lasts, else how long the retry has to wait for its token, so
* that a namespace with many failing items sends no more than one retry a second.
*/
const spend = (budget, now) => {
	const earned = Math.max(0, (now - budget.at) / 1e3 * perSecond);
	const tokens = Math.min(capacity, budget.tokens + earned) - 1;
	return {
		budget: {
			tokens,
			at: now
		},
		waitMillis: tokens >= 0 ? 0 : Math.ceil(-tokens / perSecond * 1e3)
	};
};
export { full, spend };
