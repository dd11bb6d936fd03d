import { Data, Duration } from "effect"

/** Time-outs in a row that open a circuit (failure-semantics.md section 3). */
const consecutiveTimeouts = 5
/** Calls over which the share of time-outs is taken. */
const windowSize = 20
/** Longest wait for the probe while requests wait for this namespace. */
const probeWithin = Duration.toMillis(Duration.seconds(5))
/** Cap of the wait for a probe that nobody waits for: the delay of the sweep class. */
const probeCap = Duration.toMillis(Duration.seconds(300))

/**
 * Whether calls of one namespace go through. `Open` answers at once without a call; after `probeAt` (monotonic
 * milliseconds) one call is let through, and its outcome decides.
 */
export type Circuit = Data.TaggedEnum<{
  Closed: { readonly timeoutsInARow: number; readonly outcomes: ReadonlyArray<Outcome> }
  Open: { readonly openings: number; readonly since: number; readonly probeAt: number }
  Probing: { readonly openings: number; readonly since: number }
}>
export const Circuit = Data.taggedEnum<Circuit>()

/** What counts: an answer of any kind shows that the server is there, a time-out that it may not be. */
export type Outcome = "Answer" | "Timeout"

/** A circuit that has seen nothing. */
export const closed: Circuit = Circuit.Closed({ timeoutsInARow: 0, outcomes: [] })

const open = (openings: number, since: number, now: number, random: number): Circuit =>
  Circuit.Open({
    openings,
    since,
    probeAt: now + random * Math.min(probeCap, 1000 * 2 ** Math.min(openings, 30))
  })

/**
 * The circuit after one call.
 *
 * @param random uniform in [0, 1), for the full jitter of the wait before the probe
 */
export const afterCall = (circuit: Circuit, outcome: Outcome, now: number, random: number): Circuit => {
  switch (circuit._tag) {
    case "Closed": {
      const outcomes = [...circuit.outcomes, outcome].slice(-windowSize)
      const timeoutsInARow = outcome === "Timeout" ? circuit.timeoutsInARow + 1 : 0
      const timeouts = outcomes.filter((seen) => seen === "Timeout").length
      const tripped =
        timeoutsInARow >= consecutiveTimeouts || (outcomes.length === windowSize && timeouts > windowSize / 2)
      return tripped ? open(1, now, now, random) : Circuit.Closed({ timeoutsInARow, outcomes })
    }
    case "Open":
      return outcome === "Answer" ? closed : circuit
    case "Probing":
      return outcome === "Answer" ? closed : open(circuit.openings + 1, circuit.since, now, random)
  }
}

/**
 * Whether a call may go now, and the circuit from here on. A refused request that somebody waits for brings the probe
 * forward to at most 5 s from now.
 */
export const admit = (
  circuit: Circuit,
  now: number,
  someoneWaits: boolean
): { readonly admitted: boolean; readonly circuit: Circuit } => {
  switch (circuit._tag) {
    case "Closed":
      return { admitted: true, circuit }
    case "Open":
      if (now >= circuit.probeAt) {
        return { admitted: true, circuit: Circuit.Probing({ openings: circuit.openings, since: circuit.since }) }
      }
      return {
        admitted: false,
        circuit: someoneWaits
          ? Circuit.Open({ ...circuit, probeAt: Math.min(circuit.probeAt, now + probeWithin) })
          : circuit
      }
    case "Probing":
      return { admitted: false, circuit }
  }
}

/** A probe whose caller went away shows nothing: the next call probes. */
export const abandonProbe = (circuit: Circuit, now: number): Circuit =>
  circuit._tag === "Probing"
    ? Circuit.Open({ openings: circuit.openings, since: circuit.since, probeAt: now })
    : circuit

/** Milliseconds until a call may be tried again; 0 when it may go now. */
export const waitMillis = (circuit: Circuit, now: number): number => {
  if (circuit._tag === "Open") return Math.max(0, circuit.probeAt - now)
  return circuit._tag === "Probing" ? 1000 : 0
}
