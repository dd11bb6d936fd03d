import { Data, Duration } from "effect";
// src/namespaces/Circuit.ts
/** Time-outs in a row that open a circuit (failure-semantics.md section 3). */
const consecutiveTimeouts = 5;
/** Calls over which the share of time-outs is taken. */
const windowSize = 20;
/** Longest wait for the probe while requests wait for this namespace. */
const probeWithin = Duration.toMillis(Duration.seconds(5));
/** Cap of the wait for a probe that nobody waits for: the delay of the sweep class. */
const probeCap = Duration.toMillis(Duration.seconds(300));
const Circuit = Data.taggedEnum();
/** A circuit that has seen nothing. */
const closed = Circuit.Closed({
	timeoutsInARow: 0,
	outcomes: []
});
const open = (openings, since, now, random) => Circuit.Open({
	openings,
	since,
	probeAt: now + random * Math.min(probeCap, 1e3 * 2 ** Math.min(openings, 30))
});
/**
* The circuit after one call.
*
* @param random uniform in [0, 1), for the full jitter of the wait before the probe
*/
const afterCall = (circuit, outcome, now, random) => {
	switch (circuit._tag) {
		case "Closed": {
			const outcomes = [...circuit.outcomes, outcome].slice(-20);
			const timeoutsInARow = outcome === "Timeout" ? circuit.timeoutsInARow + 1 : 0;
			const timeouts = outcomes.filter((seen) => seen === "Timeout").length;
			return timeoutsInARow >= consecutiveTimeouts || outcomes.length === windowSize && timeouts > windowSize / 2 ? open(1, now, now, random) : Circuit.Closed({
				timeoutsInARow,
				outcomes
			});
		}
		case "Open": return outcome === "Answer" ? closed : circuit;
		case "Probing": return outcome === "Answer" ? closed : open(circuit.openings + 1, circuit.since, now, random);
	}
};
/**
* Whether a call may go now, and the circuit from here on. A refused request that somebody waits for brings the probe
* forward to at most 5 s from now.
*/
const admit = (circuit, now, someoneWaits) => {
	switch (circuit._tag) {
		case "Closed": return {
			admitted: true,
			circuit
		};
		case "Open":
			if (now >= circuit.probeAt) return {
				admitted: true,
				circuit: Circuit.Probing({
					openings: circuit.openings,
					since: circuit.since
				})
			};
			return {
				admitted: false,
				circuit: someoneWaits ? Circuit.Open({
					...circuit,
					probeAt: Math.min(circuit.probeAt, now + probeWithin)
				}) : circuit
			};
		case "Probing": return {
			admitted: false,
			circuit
		};
	}
};
/** A probe whose caller went away shows nothing: the next call probes. */
const abandonProbe = (circuit, now) => circuit._tag === "Probing" ? Circuit.Open({
	openings: circuit.openings,
	since: circuit.since,
	probeAt: now
}) : circuit;
/** Milliseconds until a call may be tried again; 0 when it may go now. */
const waitMillis = (circuit, now) => {
	if (circuit._tag === "Open") return Math.max(0, circuit.probeAt - now);
	return circuit._tag === "Probing" ? 1e3 : 0;
};
export { Circuit, abandonProbe, admit, afterCall, closed, waitMillis };
