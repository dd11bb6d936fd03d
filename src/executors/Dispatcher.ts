import { Context, type Effect } from "effect"
import type { FissionError } from "../Errors.ts"
import type { FissionFunction } from "../fission/Function.ts"
import type { ObjectMeta } from "../fission/ObjectMeta.ts"

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

/** What became of a batch of taps; every entry is always attempted (http-api.md section 4.3). */
export interface TapResult {
  readonly touched: number
  readonly notFound: number
  /** Entries of an executor type that does not exist. */
  readonly unknownType: ReadonlyArray<Tap>
}

/** Sends each request to the executor type that its Function names. */
export class Dispatcher extends Context.Service<
  Dispatcher,
  {
    /**
     * An address for one request, creating capacity if needed. Interrupting it gives back whatever was taken.
     * `correlationId` is forwarded into the pod.
     */
    readonly getService: (fn: FissionFunction, correlationId: string) => Effect.Effect<ServiceAddress, FissionError>
    /** Refreshes the last access of each address. Never fails. */
    readonly tap: (taps: ReadonlyArray<Tap>) => Effect.Effect<TapResult>
    /** Gives one slot back. `InvalidArgument` for any type but poolmgr; an unknown address or key is success. */
    readonly unTap: (tap: Tap) => Effect.Effect<void, FissionError>
    /** Whether the views that requests need are synced: what `/readyz` answers. */
    readonly ready: Effect.Effect<boolean>
  }
>()("fission-executor/executors/Dispatcher") {}
