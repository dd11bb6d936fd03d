import { Context, Duration, Effect, Layer } from "effect"
import { type ObjectMeta, keyOf } from "../fission/ObjectMeta.ts"
import { type Json, objectOf } from "../podspec/Json.ts"
import { PodSpecError } from "../podspec/PodSpecError.ts"
import type { DesiredDeployment } from "../podspec/PoolDeployment.ts"

/** An Environment, for the pods of its pool, or a Function, for those of its own Deployment. */
export interface PodOwner {
  readonly kind: "Environment" | "Function"
  readonly metadata: ObjectMeta
}

/** Pods that are about to be made, or to be replaced by others. */
export interface PodSpecReview {
  readonly executorType: string
  /** What the pods are for. */
  readonly owner: PodOwner
  /** Where the pods will be. */
  readonly namespace: string
  /** Labels and annotations of the pods. */
  readonly metadata: Json
  /** As it would be sent to the API server: merged, and with the operator's patch and the fetcher. */
  readonly podSpec: Json
}

/** A rule of the operator's about the pods of functions. */
export interface PodSpecPolicy {
  /** Stands before each of its objections. */
  readonly name: string
  /** Everything that is wrong, a sentence each; empty allows the pods. Runs for each object that is written: keep it quick. */
  readonly review: (pods: PodSpecReview) => Effect.Effect<ReadonlyArray<string>>
}

/** Longest wait for the answer of one policy. */
const answersWithin = Duration.seconds(5)

/** What every pod spec has to pass before it is written; layers add theirs while the process is built. */
export class PodSpecPolicies extends Context.Service<
  PodSpecPolicies,
  {
    readonly add: (policy: PodSpecPolicy) => void
    /**
     * Reviews the pods of a Deployment that is to be written. Fails with all objections of all policies. A policy that
     * ends in a bug, or gives no answer within 5 s, objects: nothing is made that it might have denied. Pods that run
     * already are left alone.
     */
    readonly check: (
      executorType: string,
      owner: PodOwner,
      deployment: DesiredDeployment
    ) => Effect.Effect<void, PodSpecError>
  }
>()("fission-executor/executors/PodSpecPolicies") {
  static readonly layer = Layer.sync(PodSpecPolicies, () => {
    const policies: Array<PodSpecPolicy> = []
    return PodSpecPolicies.of({
      add: (policy) => void policies.push(policy),
      check: Effect.fnUntraced(function* (executorType, owner, { metadata, spec: { template } }) {
        const pods: PodSpecReview = {
          executorType,
          owner,
          namespace: metadata.namespace,
          metadata: objectOf(template["metadata"]),
          podSpec: objectOf(template["spec"])
        }
        const problems = (yield* Effect.forEach(policies, (policy) => objectionsOf(policy, pods))).flat()
        if (problems.length === 0) return
        const subject = `${owner.kind.toLowerCase()} ${keyOf(owner.metadata)}`
        return yield* new PodSpecError({ subject, problems })
      })
    })
  })
}

const objectionsOf = (policy: PodSpecPolicy, pods: PodSpecReview): Effect.Effect<ReadonlyArray<string>> =>
  Effect.suspend(() => policy.review(pods)).pipe(
    Effect.timeoutOrElse({ duration: answersWithin, orElse: () => Effect.succeed(["it gave no answer within 5 s"]) }),
    Effect.catchDefect((defect) =>
      Effect.as(
        Effect.logError("a pod-spec policy ended in a bug; the pods are denied", defect).pipe(
          Effect.annotateLogs({ policy: policy.name, owner: keyOf(pods.owner.metadata), namespace: pods.namespace })
        ),
        ["it ended in a bug"]
      )
    ),
    Effect.map((objections) => objections.map((objection) => `policy ${policy.name}: ${objection}`))
  )
