import { TimeoutError, failedCall } from "../Errors.mjs";
import { classifyThrown, classifyWatchError } from "./Classify.mjs";
import { isObject } from "./KubernetesApi.mjs";
import { Cause, Effect } from "effect";
// src/kubernetes/WatchLines.ts
const newline = 10;
/**
* Pulls the events of a watch: one chunk of the socket is read when somebody asks, so a slow reader slows the server.
* Fails on an ERROR event, on a line that is no event, and on a stream that ends within a line, each after the events
* that came before it.
*/
const pullEvents = (call, chunks) => {
	let rest = [];
	let failure;
	const broken = (detail) => new TimeoutError({
		...call,
		kind: "Connection",
		detail,
		outcomeUnknown: false
	});
	/** The events of a chunk, up to the line that ends the stream. */
	const split = (chunk) => {
		const events = [];
		let from = 0;
		for (let at = chunk.indexOf(newline, from); at >= 0 && failure === void 0; at = chunk.indexOf(newline, from)) {
			const line = Buffer.concat([...rest, chunk.subarray(from, at)]).toString("utf8");
			rest = [];
			from = at + 1;
			if (line === "") continue;
			const event = parseEvent(line);
			if (event === void 0) failure = broken(`a line of the stream is no watch event: ${line.slice(0, 80)}`);
			else if (event.type === "ERROR") failure = classifyWatchError(call, event.object);
			else events.push(event);
		}
		if (from < chunk.length) rest.push(chunk.subarray(from));
		return events;
	};
	const read = Effect.tryPromise({
		try: () => chunks.next(),
		catch: (thrown) => asBrokenStream(classifyThrown(call, thrown))
	});
	const pull = Effect.suspend(() => {
		if (failure !== void 0) return Effect.fail(failure);
		return Effect.flatMap(read, (next) => {
			if (next.done === true) return rest.length === 0 ? Cause.done() : Effect.fail(broken("the stream ended within a line"));
			const [first, ...others] = split(next.value);
			return first === void 0 ? pull : Effect.succeed([first, ...others]);
		});
	});
	return pull;
};
/** On a stream silence is a lost connection, not a slow answer. */
const asBrokenStream = (error) => error._tag === "KubernetesTimeoutError" ? new TimeoutError({
	...error,
	...failedCall(error),
	kind: "Connection"
}) : error;
const parseEvent = (line) => {
	try {
		const event = JSON.parse(line);
		if (typeof event !== "object" || event === null || !("type" in event) || !("object" in event)) return void 0;
		const { type, object } = event;
		if (type === "ERROR") return {
			type,
			object
		};
		if (type !== "ADDED" && type !== "MODIFIED" && type !== "DELETED" && type !== "BOOKMARK") return void 0;
		return isObject(object) ? {
			type,
			object
		} : void 0;
	} catch {
		return;
	}
};
export { pullEvents };
