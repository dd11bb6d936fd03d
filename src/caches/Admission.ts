import type { Data } from "effect"
import type { FissionError } from "../Errors.ts"

/** One generation of a Function, as far as the pool cache needs it; `uid` and `generation` are its identity. */
export interface FunctionGeneration {
  readonly uid: string
  readonly generation: number
  readonly name: string
  readonly namespace: string
}

/** A specialized pod as the cache remembers it. */
export interface PooledPod {
  /** `ip:port`, normalized (fission/Address.ts); also the key of taps. One pod has it at a time. */
  readonly address: string
  /** Namespace of the pod. */
  readonly namespace: string
  /** Name of the pod. */
  readonly name: string
  /** UID of the pod. */
  readonly uid: string
  /** What it was specialized for; its code never changes again. */
  readonly fn: FunctionGeneration
  readonly environmentUid: string
  /** The pod serves several functions, each of which has a record of its own (poolmgr.md section 19). */
  readonly shared: boolean
  /** Millicores above which it takes no further request; 0: no limit (function-service-cache.md C13). */
  readonly cpuLimit: number
}

/** What one request asks of the cache. */
export interface Demand {
  readonly fn: FunctionGeneration
  /** Requests that one pod may serve at a time, at least 1. */
  readonly requestsPerPod: number
  /** Most pods of this generation, those in preparation included; 0: unlimited. */
  readonly concurrency: number
  /** Idle pods to keep, at least 0. */
  readonly retainPods: number
  /** Versions of all that a remembered failure depends on (package, environment, secrets): another text forgets it. */
  readonly inputs: string
}

/** One request's place in a pod. */
export interface Slot {
  readonly pod: PooledPod
  /** Gives the place back. Idempotent. */
  readonly release: () => void
}

/** The duty to create one pod. Exactly one of the two settles it; whatever comes later is ignored. */
export interface Reservation {
  /**
   * The pod is there: stores it, gives the creator its slot and the free ones to waiting requests. On a settled
   * reservation nothing is stored and the slot holds nothing.
   */
  readonly fulfil: (pod: PooledPod) => Slot
  /**
   * No pod comes of it; a waiting request may become the next creator. `answer`: a final HTTP answer of the pod, which
   * is remembered and given to the waiting requests instead (function-service-cache.md section 4.11).
   */
  readonly abandon: (answer?: FissionError) => void
}

/** The place of a request in a pod, or the duty to create a pod for it. */
export type Admission = Data.TaggedEnum<{
  Hit: { readonly slot: Slot }
  Miss: { readonly reservation: Reservation }
}>
