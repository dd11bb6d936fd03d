import { Clock, Context, Effect } from "effect";
import { DecoratorHandler } from "undici";
// src/kubernetes/WriteFence.ts
/** The fence of the process; open for ever where there is no election. */
const WriteFence = Context.Reference("fission-executor/kubernetes/WriteFence", { defaultValue: () => ({
	isOpen: () => true,
	openUntil: () => {},
	close: () => {}
}) });
/** A fence that is closed until somebody opens it. */
const make = Effect.map(Clock.Clock, (clock) => {
	let deadline = 0n;
	return {
		isOpen: () => clock.monotonicTimeNanosUnsafe() < deadline,
		openUntil: (until) => {
			deadline = until;
		},
		close: () => {
			deadline = 0n;
		}
	};
});
/** A write that met the closed fence: not a byte of it was sent. */
var FenceClosedError = class extends Error {
	name = "FenceClosedError";
	message = "not sent: this executor does not lead";
};
var FencedHandler = class extends DecoratorHandler {
	#fence;
	#handler;
	constructor(handler, fence) {
		super(handler);
		this.#handler = handler;
		this.#fence = fence;
	}
	/** Called when the request is handed to the socket, however long it had to wait for one. */
	onRequestStart(controller, context) {
		this.#handler.onRequestStart?.(controller, context);
		if (!this.#fence.isOpen()) controller.abort(new FenceClosedError());
	}
};
/** Lets no write pass a closed fence, at the last moment before it is written to its socket. Reads always pass. */
const behind = (fence) => (dispatch) => (options, handler) => dispatch(options, options.method === "GET" ? handler : new FencedHandler(handler, fence));
export { FenceClosedError, WriteFence, behind, make };
