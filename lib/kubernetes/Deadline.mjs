import { TimeoutError, isWrite } from "../Errors.mjs";
import { Duration, Effect } from "effect";
// src/kubernetes/Deadline.ts
/** Default deadlines by who waits (failure-semantics.md section 3). */
const defaults = {
	read: {
		request: Duration.seconds(3),
		background: Duration.seconds(15),
		lease: Duration.seconds(3)
	},
	write: {
		request: Duration.seconds(5),
		background: Duration.seconds(15),
		lease: Duration.seconds(3)
	},
	list: Duration.seconds(30)
};
/** Longest wait for the headers of a watch. */
const handshakeWithin = Duration.seconds(15);
/** A time-out of the server stays distinguishable from silence when ours comes a little later. */
const clientGrace = Duration.millis(500);
/** The deadline of one attempt: the caller's own, else the default of its verb and priority. */
const deadlineOf = (call, options) => {
	if (options?.deadline !== void 0) return Duration.fromInputUnsafe(options.deadline);
	if (call.verb === "list") return defaults.list;
	return defaults[isWrite(call) ? "write" : "read"][options?.priority ?? "background"];
};
/** Fails with a `TimeoutError` of kind `Deadline` when there is no answer in time. A write may have happened by then. */
const answeredWithin = (call, deadline) => (self) => Effect.timeoutOrElse(self, {
	duration: Duration.sum(deadline, clientGrace),
	orElse: () => Effect.fail(new TimeoutError({
		...call,
		kind: "Deadline",
		detail: `no answer within ${Duration.format(deadline)}`,
		outcomeUnknown: isWrite(call)
	}))
});
export { answeredWithin, deadlineOf, handshakeWithin };
