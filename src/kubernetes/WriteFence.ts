import { Clock, Context, Effect } from "effect"
import { type Dispatcher, DecoratorHandler } from "undici"

/**
 * Whether this process may change anything in Kubernetes at this moment. Who holds no lease, or held one and cannot know
 * whether it still does, may not (lifecycle.md section 4).
 */
export interface WriteFence {
  readonly isOpen: () => boolean
  /** Opens the fence until that moment (monotonic nanoseconds), and no longer. */
  readonly openUntil: (deadline: bigint) => void
  readonly close: () => void
}

/** The fence of the process; open for ever where there is no election. */
export const WriteFence: Context.Reference<WriteFence> = Context.Reference("fission-executor/kubernetes/WriteFence", {
  defaultValue: (): WriteFence => ({ isOpen: () => true, openUntil: () => {}, close: () => {} })
})

/** A fence that is closed until somebody opens it. */
export const make: Effect.Effect<WriteFence> = Effect.map(Clock.Clock, (clock) => {
  let deadline = 0n
  return {
    isOpen: () => clock.monotonicTimeNanosUnsafe() < deadline,
    openUntil: (until) => {
      deadline = until
    },
    close: () => {
      deadline = 0n
    }
  }
})

/** A write that met the closed fence: not a byte of it was sent. */
export class FenceClosedError extends Error {
  override readonly name = "FenceClosedError"
  override readonly message = "not sent: this executor does not lead"
}

class FencedHandler extends DecoratorHandler {
  readonly #fence: WriteFence
  readonly #handler: Dispatcher.DispatchHandler

  constructor(handler: Dispatcher.DispatchHandler, fence: WriteFence) {
    super(handler)
    this.#handler = handler
    this.#fence = fence
  }

  /** Called when the request is handed to the socket, however long it had to wait for one. */
  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context)
    if (!this.#fence.isOpen()) controller.abort(new FenceClosedError())
  }
}

/** Lets no write pass a closed fence, at the last moment before it is written to its socket. Reads always pass. */
export const behind =
  (fence: WriteFence): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) =>
    dispatch(options, options.method === "GET" ? handler : new FencedHandler(handler, fence))
