import { Context, Data, Layer } from "effect"
import { executorTypeOf } from "../../fission/Function.ts"
import { annotations, labels } from "../../fission/Labels.ts"
import { type ReferenceVersions, referencesIn } from "../../fission/ReferencedObjects.ts"
import { isDeleting, isReady, type Pod } from "../../fission/Workloads.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import { knowsVersions, retention } from "../../informers/VersionRetention.ts"
import { isCurrent } from "../../podspec/PoolDeployment.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { poolKeyIn, poolKeyOf } from "./Pool.ts"
import { changedReference, knowsReferences, mayRefer, referenceVersions } from "./References.ts"

/** What a function's pod is to its Function and Environment. */
export type Standing = Data.TaggedEnum<{
  /** It is what they ask for. */
  Current: {}
  /** Something took the place of what it runs. */
  Superseded: { readonly by: string }
  /** What would tell has not been listed yet: the pod stays. */
  Unsure: {}
}>
export const Standing = Data.taggedEnum<Standing>()

/**
 * Whether a function's pod is still the right one (poolmgr.md sections 12 and 13). Superseded is one of a template of the
 * Environment that the pool has rolled out since; one that was given a Secret or ConfigMap that changed; and one of an
 * older generation, as after a switch to another executor type, that neither an alias nor its own FunctionVersion holds.
 */
export class PodStanding extends Context.Service<
  PodStanding,
  {
    readonly of: (view: NamespaceView, pod: Pod) => Standing
    /**
     * What a superseded pod waits for before it goes, undefined when it is its turn: a quarter of a function's pods goes
     * at a time; the last one, and each that a function's floor still counts on, only when another is there in its place
     * (failure-semantics.md section 9.2, poolmgr.md section 17). `isLeaving`: which of its siblings go already.
     */
    readonly waitsFor: (view: NamespaceView, pod: Pod, isLeaving: (sibling: Pod) => boolean) => string | undefined
    /** The pod is gone. */
    readonly forget: (podUid: string) => void
  }
>()("fission-executor/executors/poolmgr/PodStanding") {
  static readonly layer = Layer.sync(PodStanding, () => {
    /** By UID of pods that say nothing themselves: what they refer to was at this when it was first looked at. */
    const firstSeen = new Map<string, ReferenceVersions>()

    const givenTo = (view: NamespaceView, pod: Pod): ReferenceVersions | undefined => {
      const written = pod.metadata.annotations?.[annotations.references]
      if (written !== undefined) return knowsReferences(view) ? referencesIn(written) : undefined
      const uid = pod.metadata.uid ?? ""
      const fn = FunctionPod.functionOf(view, pod)
      if (fn === undefined || !mayRefer(fn)) return new Map()
      const given = firstSeen.get(uid) ?? referenceVersions(view, fn)
      if (given !== undefined) firstSeen.set(uid, given)
      return given
    }

    const of = (view: NamespaceView, pod: Pod): Standing => {
      if (isOutgoing(view, pod)) return Standing.Superseded({ by: "the environment's template" })
      const given = givenTo(view, pod)
      const changed = given === undefined ? undefined : changedReference(view, given)
      if (changed !== undefined) return Standing.Superseded({ by: changed })
      const byGeneration = standingOfGeneration(view, pod)
      return given === undefined && byGeneration._tag === "Current" ? Standing.Unsure() : byGeneration
    }

    /** Whether fewer pods are held warm in the place of those that are superseded than there are of these. */
    const isFloorShort = (view: NamespaceView, heldWarm: ReadonlyArray<Pod>) => {
      const superseded = heldWarm.filter((pod) => of(view, pod)._tag === "Superseded")
      return heldWarm.filter((pod) => isReady(pod) && !superseded.includes(pod)).length < superseded.length
    }

    return PodStanding.of({
      of,
      waitsFor: (view, pod, isLeaving) => {
        const siblings = view.pods
          .indexed("functionUid", pod.metadata.labels?.[labels.functionUid] ?? "")
          .filter((sibling) => FunctionPod.isSpecialized(view, sibling) && !isDeleting(sibling.metadata))
        const staying = siblings.filter((sibling) => !isLeaving(sibling))
        const leaving = siblings.length - staying.length
        if (leaving > 0 && leaving >= Math.ceil(siblings.length / 4))
          return "a quarter of the function's pods goes at a time"
        if (staying.length === 1 && !hasSuccessor(view, pod)) return "no other pod can take over yet"
        if (FunctionPod.isHeldWarm(pod) && isFloorShort(view, staying.filter(FunctionPod.isHeldWarm))) {
          return "the pods that are held warm in its place are not all there yet"
        }
        return undefined
      },
      forget: (podUid) => void firstSeen.delete(podUid)
    })
  })
}

/** Whether the pod is of an older template of the Environment, and the pool has rolled out another one. */
const isOutgoing = (view: NamespaceView, pod: Pod): boolean => {
  const environment = FunctionPod.environmentOf(view, pod)
  return environment !== undefined && !isCurrent(environment, pod.metadata) && isRolledOut(view, pod)
}

/**
 * Whether every pod of the pod's pool runs its Deployment's current template, so that new warm pods exist; of the plain
 * pool where the one of its image is gone.
 */
const isRolledOut = (view: NamespaceView, { metadata: { labels: held } }: Pod): boolean => {
  const environmentUid = held?.[labels.environmentUid] ?? ""
  const pools = view.deployments.indexed("environmentUid", environmentUid)
  const own = pools.filter((deployment) => poolKeyOf(deployment) === poolKeyIn(held))
  return (own.length > 0 ? own : pools.filter((deployment) => poolKeyOf(deployment) === environmentUid)).some(
    ({ metadata, spec, status }) => {
      const replicas = spec.replicas ?? 1
      return (
        (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
        (status?.updatedReplicas ?? 0) >= replicas &&
        (status?.replicas ?? 0) === (status?.updatedReplicas ?? 0)
      )
    }
  )
}

const standingOfGeneration = (view: NamespaceView, pod: Pod): Standing => {
  const { generation, uid } = FunctionPod.functionOf(view, pod)?.metadata ?? {}
  const own = Number(pod.metadata.labels?.[labels.functionGeneration] ?? Number.NaN)
  if (!Number.isInteger(own) || own >= (generation ?? 0)) return Standing.Current()
  if (!knowsVersions(view)) return Standing.Unsure()
  const isHeld = retention(view)(uid ?? "", own) || isPublished(view, pod, own)
  return isHeld ? Standing.Current() : Standing.Superseded({ by: `generation ${generation}` })
}

/**
 * Whether the pod runs a version that is still published: somebody asked for it by name, and its code never changes, so
 * that it goes when nobody uses it. Else a version without an alias would lose each pod to the next look at it. A
 * version of the same name that was published anew is another one (lifecycle.md section 10).
 */
const isPublished = (view: NamespaceView, { metadata }: Pod, generation: number): boolean => {
  const spec = view.functionVersions.get(view.namespace, metadata.labels?.[labels.functionVersion] ?? "")?.spec
  return spec?.functionUID === metadata.labels?.[labels.functionUid] && spec?.functionGeneration === generation
}

/**
 * Whether the last pod of a function can go: a warm one of the current template is Ready to take its place, or another
 * executor type has to.
 */
const hasSuccessor = (view: NamespaceView, pod: Pod): boolean => {
  const fn = FunctionPod.functionOf(view, pod)
  if (fn !== undefined && executorTypeOf(fn) !== "poolmgr") return true
  const environment = FunctionPod.environmentOf(view, pod)
  if (environment === undefined) return false
  return view.pods
    .indexed("environmentUid", environment.metadata.uid ?? "")
    .some(
      (warm) =>
        FunctionPod.isWarm(view, warm) && FunctionPod.isSibling(pod, warm) && isCurrent(environment, warm.metadata)
    )
}
