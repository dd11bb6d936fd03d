import { Clock, Effect } from "effect"
import { canonical, hash16 } from "../../fission/Canonical.ts"
import type { Deployment } from "../../fission/Workloads.ts"

/** Time between two repairs of one template against somebody who keeps editing it; nanoseconds. */
const betweenRepairs = 600n * 1_000_000_000n

/** One repair: of which template it was, what the server made of it, and when (monotonic nanoseconds). */
interface Repair {
  readonly templateHash: string
  readonly outcome: string
  readonly at: bigint
}

/**
 * Which hand-edited templates were set right. A webhook that changes what we write, and a default that we do not know, look
 * like an edit: what the server makes of a repair is taken for right. Another controller that undoes every repair gets its
 * way for ten minutes at a time, so that pods do not roll without end.
 */
export interface DriftRepairs {
  /** Whether a template that looks edited is to be left as it is. */
  readonly isLeft: (deployment: Deployment, templateHash: string) => Effect.Effect<boolean>
  /** Remembers what the server made of a repair. */
  readonly note: (deployment: Deployment, templateHash: string) => Effect.Effect<void>
  readonly forget: (name: string) => void
}

/** Nothing was repaired yet. */
export const make = (): DriftRepairs => {
  const repairs = new Map<string, Repair>()
  return {
    isLeft: (deployment, templateHash) =>
      Effect.map(Clock.monotonicTimeNanos, (now) => {
        const repair = repairs.get(deployment.metadata.name)
        if (repair?.templateHash !== templateHash) return false
        return repair.outcome === outcomeOf(deployment) || now - repair.at < betweenRepairs
      }),
    note: (deployment, templateHash) =>
      Effect.map(
        Clock.monotonicTimeNanos,
        (at) => void repairs.set(deployment.metadata.name, { templateHash, outcome: outcomeOf(deployment), at })
      ),
    forget: (name) => void repairs.delete(name)
  }
}

const outcomeOf = ({ spec }: Deployment): string => hash16(JSON.stringify(canonical(spec.template)))
