import { Context, type Duration, type Effect, Layer } from "effect"
import type { FissionError } from "../Errors.ts"
import type { Environment } from "../fission/Environment.ts"
import type { FissionFunction } from "../fission/Function.ts"
import type { ObjectMeta } from "../fission/ObjectMeta.ts"
import type { NamespaceView, ViewChange } from "../informers/NamespaceView.ts"
import type { WorkError, WorkKey } from "../namespaces/WorkQueue.ts"
import type { Ground, OwnerReference } from "../safeguards/Ground.ts"

/** Names of the work that brings one Function, version of one, or Environment to where its objects belong. */
export const functionWork = "function"
export const functionVersionWork = "functionVersion"
export const environmentWork = "environment"

/** An address for the router, and the way to give its request slot back. */
export interface ServiceAddress {
  /** `ip:port` for poolmgr, an absolute service name for the other types; also the key of taps. */
  readonly address: string
  /** Gives back the slot that this answer took. Idempotent; does nothing for types that count no slots. */
  readonly release: Effect.Effect<void>
}

/** One entry of a tap, as decoded from the wire: a tap carries no generation. */
export interface Tap {
  readonly executorType: string
  readonly metadata: Pick<ObjectMeta, "name" | "namespace" | "uid" | "generation">
  /** Without the leading `http://`. */
  readonly address: string
}

/** The duty to create capacity for one request. Whoever does not get the address of `create` must `abandon`. */
export interface Miss {
  readonly _tag: "Miss"
  /** Brings up capacity for this request. Settles the reservation itself, on success and on failure. */
  readonly create: (correlationId: string) => Effect.Effect<ServiceAddress, FissionError>
  /** Gives back the reservation, or the slot of an address that `create` made just as nobody waited for it any more. */
  readonly abandon: () => void
}

/**
 * What a cache answered to one request. `Hit`: an address, which the caller must check and may `evict`. `Miss`: see
 * there. All of it is idempotent.
 */
export type Admission =
  | Miss
  | {
      readonly _tag: "Hit"
      readonly service: ServiceAddress
      /** Whether the view still shows what the cache remembers (http-api.md section 4.1, validity check). */
      readonly isValid: () => boolean
      readonly evict: () => void
    }

/**
 * One way to give functions a place to run. An add-on provides another one and registers it; nothing else in the
 * executor knows the types by name.
 */
export interface ExecutorType {
  /** The value of `ExecutorType` in a Function's spec. */
  readonly name: string
  /**
   * A cached address or the duty to create one. It is run uninterruptibly, so that neither is lost; a wait for a pod in
   * preparation must be interruptible by itself, and then gives everything back.
   */
  readonly admit: (fn: FissionFunction) => Effect.Effect<Admission, FissionError>
  /**
   * The address of a Function that the view alone shows to be valid, so that any replica may answer with it; nothing is
   * remembered. Absent: an answer takes a slot, which the leader has to count.
   */
  readonly addressInView?: (fn: FissionFunction) => Effect.Effect<string | undefined, FissionError>
  /**
   * The reservation of one more pod for a Function whatever the cache holds, or `TooManyRequests` at once (http-api.md
   * section 4.2). Absent: the type has no notion of it.
   */
  readonly ensureCapacity?: (fn: FissionFunction) => Effect.Effect<Miss, FissionError>
  /** The type's cache as text, one line a pod, for `GET /v2/debugInfo` (http-api.md section 4.5). Absent: nothing to say. */
  readonly debugInfo?: () => string
  /** Refreshes the last access of an address; false when it is unknown. */
  readonly tap: (address: string) => boolean
  /** The same for every address of a namespace. Called when this replica begins to lead: until then others were told. */
  readonly tapAll: (view: NamespaceView) => void
  /** Gives one request slot back; unknown addresses are ignored. */
  readonly unTap: (tap: Tap) => void
  /** What a change means for the type: synchronous bookkeeping, and the work it makes necessary for `work`. */
  readonly onChange: (view: NamespaceView, change: ViewChange) => ReadonlyArray<WorkKey>
  /** Handlers of the type's own work, by the name that its keys carry. Level-triggered, repeatable. */
  readonly work: {
    readonly [handler: string]: (view: NamespaceView, name: string) => Effect.Effect<void, WorkError>
  }
  /** The same for work that goes on while this replica does not lead. Absent: there is none. */
  readonly workWithoutLease?: ExecutorType["work"]
  /**
   * Functions, Environments and FunctionVersions that the type's objects in the view say they belong to; may repeat itself.
   * The UID of a FunctionVersion is empty: objects carry its name alone.
   */
  readonly owners: (view: NamespaceView) => Iterable<OwnerReference>
  /**
   * Brings the objects of a Function of this type to the desired state; never waits for pods. Level-triggered,
   * repeatable. Absent: the type makes nothing before a request comes.
   */
  readonly reconcileFunction?: (view: NamespaceView, fn: FissionFunction) => Effect.Effect<void, WorkError>
  /** Whether the view shows that a request for a Function of this type would be answered at once; absent: always. */
  readonly isServing?: (view: NamespaceView, fn: FissionFunction) => boolean
  /**
   * Removes what the type still has of a Function that is of another type now, once that one serves it and routers have
   * had the time to learn of it. Repeatable. Absent: its pods go by themselves when they are superseded.
   */
  readonly leaveFunction?: (
    view: NamespaceView,
    fn: FissionFunction,
    isServedElsewhere: boolean
  ) => Effect.Effect<void, WorkError>
  /** Brings the type's objects of an Environment to the desired state. Level-triggered, repeatable. */
  readonly reconcileEnvironment: (view: NamespaceView, environment: Environment) => Effect.Effect<void, WorkError>
  /** Removes the type's objects of an Environment that is gone. Repeatable. */
  readonly removeEnvironment: (
    view: NamespaceView,
    environment: OwnerReference,
    ground: Ground
  ) => Effect.Effect<void, WorkError>
  /** Forgets a Function and removes what runs for it. Repeatable; returns before its pods have drained. */
  readonly removeFunction: (view: NamespaceView, fn: OwnerReference, ground: Ground) => Effect.Effect<void, WorkError>
  /** Removes what the type made for one published version that is gone. Repeatable. Absent: nothing is made for one. */
  readonly removeFunctionVersion?: (
    view: NamespaceView,
    version: OwnerReference,
    ground: Ground
  ) => Effect.Effect<void, WorkError>
  /** Loops that run for a namespace as long as this replica leads. Absent: none but those for idle capacity. */
  readonly loops?: ReadonlyArray<(view: NamespaceView) => Effect.Effect<never>>
  /** Time between two looks for idle capacity, before jitter. */
  readonly reapEvery: Duration.Duration
  /** One look for idle capacity of a namespace; removes what is idle. Never fails: what it cannot do it logs. */
  readonly reapIdle: (view: NamespaceView) => Effect.Effect<void>
}

/** The executor types of this process; layers add theirs while the process is built, add-ons before anybody else. */
export class ExecutorTypes extends Context.Service<
  ExecutorTypes,
  {
    /** A name that is taken stays with the type that has it, so that an add-on can take the place of a type of ours. */
    readonly register: (type: ExecutorType) => void
    /** Undefined for a name that nobody registered. */
    readonly get: (name: string) => ExecutorType | undefined
    /** In the order of registration. */
    readonly all: () => ReadonlyArray<ExecutorType>
  }
>()("fission-executor/executors/ExecutorTypes") {
  static readonly layer = Layer.sync(ExecutorTypes, () => {
    const types = new Map<string, ExecutorType>()
    return ExecutorTypes.of({
      register: (type) => {
        if (!types.has(type.name)) types.set(type.name, type)
      },
      get: (name) => types.get(name),
      all: () => [...types.values()]
    })
  })
}
