import { DateTime, Duration } from "effect"
import { executorAddress, type Lease } from "../fission/Lease.ts"
import type { KubernetesObject, ObjectReference } from "./KubernetesApi.ts"

/** Times of an election (configuration-and-deployment.md section 8). */
export interface LeaseTiming {
  /** How long a lease holds after its latest renewal, for the others. */
  readonly lease: Duration.Duration
  /** How long after a renewal its holder still counts itself leader, before the margin. */
  readonly renewDeadline: Duration.Duration
  /** Time between two attempts, before jitter. */
  readonly retry: Duration.Duration
}

/** The proportions of the stock executor's times: 15, 10 and 2 seconds. */
export const timingOf = (lease: Duration.Duration): LeaseTiming => ({
  lease,
  renewDeadline: Duration.times(lease, 2 / 3),
  retry: Duration.times(lease, 2 / 15)
})

/** The holder stops writing this long before its deadline (lifecycle.md section 4). */
const margin = Duration.seconds(2)

/** Who wants to lead. */
export interface Candidate {
  readonly identity: string
  /** Where other replicas reach it, as `ip:port`. */
  readonly address: string
  readonly lease: ObjectReference & { readonly namespace: string }
  readonly timing: LeaseTiming
}

/** The lease as it was last seen to change, by this process's own monotonic clock: nobody's wall clock counts. */
export interface Observation {
  readonly resourceVersion: string
  /** Monotonic nanoseconds. */
  readonly seenAt: bigint
}

/** What was seen of the lease: a version that is known keeps the time at which it was seen first. */
export const observe = (before: Observation | undefined, lease: Lease, now: bigint): Observation => {
  const resourceVersion = lease.metadata.resourceVersion ?? ""
  return before?.resourceVersion === resourceVersion ? before : { resourceVersion, seenAt: now }
}

/** Who holds the lease; undefined where nobody does. */
export const holderOf = (lease: Lease): string | undefined => lease.spec?.holderIdentity || undefined

/** Whether the candidate may take the lease, or renews it: nobody else holds it, or has renewed it for its whole length. */
export const mayTake = (candidate: Candidate, lease: Lease, { seenAt }: Observation, now: bigint): boolean => {
  const holder = holderOf(lease)
  if (holder === undefined || holder === candidate.identity) return true
  const asked = Duration.seconds(lease.spec?.leaseDurationSeconds ?? 0)
  const holds = Duration.max(asked, candidate.timing.lease)
  return Duration.isGreaterThanOrEqualTo(Duration.nanos(now - seenAt), holds)
}

/** The moment from which the holder writes nothing more, unless it renews before (monotonic nanoseconds). */
export const deadlineOf = (candidate: Candidate, renewalSentAt: bigint): bigint =>
  renewalSentAt + BigInt(Duration.toMillis(Duration.subtract(candidate.timing.renewDeadline, margin))) * 1_000_000n

/** Times in a Lease have six digits after the point; a server refuses any other number. */
const microTime = (now: DateTime.Utc): string => DateTime.formatIso(now).replace("Z", "000Z")

/** The lease as the candidate holds it. `before` is the object as it was read, whose other fields survive. */
export const held = (
  candidate: Candidate,
  before: { readonly raw: KubernetesObject; readonly lease: Lease } | undefined,
  now: DateTime.Utc
): KubernetesObject => {
  const spec = before?.lease.spec
  const continues = spec?.holderIdentity === candidate.identity
  const annotations = { ...before?.raw.metadata.annotations, [executorAddress]: candidate.address }
  return {
    ...before?.raw,
    metadata: { ...(before?.raw.metadata ?? candidate.lease), annotations },
    spec: {
      ...Object(before?.raw["spec"]),
      holderIdentity: candidate.identity,
      leaseDurationSeconds: Math.ceil(Duration.toSeconds(candidate.timing.lease)),
      acquireTime: continues ? (spec.acquireTime ?? microTime(now)) : microTime(now),
      renewTime: microTime(now),
      leaseTransitions: (spec?.leaseTransitions ?? 0) + (before === undefined || continues ? 0 : 1)
    }
  }
}

/** The lease given back: whoever looks next may take it at once. */
export const released = (raw: KubernetesObject, now: DateTime.Utc): KubernetesObject => ({
  ...raw,
  spec: { ...Object(raw["spec"]), holderIdentity: "", leaseDurationSeconds: 1, renewTime: microTime(now) }
})
