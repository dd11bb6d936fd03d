import { Data } from "effect"

/** Time-outs in a row that open a circuit (failure-semantics.md section 3). */
const consecutiveTimeouts = 5
/** Calls over which the share of time-outs is taken. */
const windowSize = 20
/** Mean time between two probes of a circuit (milliseconds), and how many probes a second all circuits may make together. */
const betweenProbes = 1000
const probesPerSecond = 20

/**
 * Whether calls of one namespace go through. `Open` answers at once without a call, but for one call a second, the
 * probe, whose outcome decides; `askedAt` is when the latest began (monotonic milliseconds), `jitter` a factor around 1.
 */
export type Circuit = Data.TaggedEnum<{
  Closed: { readonly timeoutsInARow: number; readonly outcomes: ReadonlyArray<Outcome> }
  Open: { readonly askedAt: number; readonly jitter: number }
}>
export const Circuit = Data.taggedEnum<Circuit>()

/** What counts: an answer of any kind shows that the server is there, a time-out that it may not be. */
export type Outcome = "Answer" | "Timeout"

/** A circuit that has seen nothing. */
export const closed: Circuit = Circuit.Closed({ timeoutsInARow: 0, outcomes: [] })

/** A probe begins, or the failures that open the circuit stand for one: ±20 % keeps namespaces apart. */
const asked = (now: number, random: number): Circuit => Circuit.Open({ askedAt: now, jitter: 0.8 + 0.4 * random })

/**
 * The circuit after one call. One that hangs does not keep the next probe from finding the server back.
 *
 * @param random uniform in [0, 1), for the jitter of the wait before the probe
 */
export const afterCall = (circuit: Circuit, outcome: Outcome, now: number, random: number): Circuit => {
  if (circuit._tag === "Open") return outcome === "Answer" ? closed : circuit
  const outcomes = [...circuit.outcomes, outcome].slice(-windowSize)
  const timeoutsInARow = outcome === "Timeout" ? circuit.timeoutsInARow + 1 : 0
  const timeouts = outcomes.filter((seen) => seen === "Timeout").length
  const tripped = timeoutsInARow >= consecutiveTimeouts || (outcomes.length === windowSize && timeouts > windowSize / 2)
  return tripped ? asked(now, random) : Circuit.Closed({ timeoutsInARow, outcomes })
}

/**
 * Milliseconds until a call may go; 0 when it may go now.
 *
 * @param open circuits that are open in the whole process: the more, the less often each may probe
 */
export const waitMillis = (circuit: Circuit, now: number, open: number): number => {
  if (circuit._tag === "Closed") return 0
  const interval = Math.max(betweenProbes, (open * 1000) / probesPerSecond)
  return Math.max(0, circuit.askedAt + interval * circuit.jitter - now)
}

/** The circuit once a call was let through: the next probe is that much later. */
export const admitted = (circuit: Circuit, now: number, random: number): Circuit =>
  circuit._tag === "Open" ? asked(now, random) : circuit

/** Lets the next call through: what failed beside this circuit works again. */
export const askNow = (circuit: Circuit): Circuit =>
  circuit._tag === "Open" ? Circuit.Open({ ...circuit, askedAt: Number.NEGATIVE_INFINITY }) : circuit
