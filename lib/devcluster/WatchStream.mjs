import { writeChunk } from "../HttpListener.mjs";
import { orRefusal, sendStatus } from "./Answers.mjs";
import { numberIn } from "./ApiRequest.mjs";
import { selectionOf, versionOf } from "./ListPage.mjs";
import { inSelection } from "./StoredObject.mjs";
import { StatusError, expired, internalError, invalidOption } from "./Status.mjs";
import { Duration, Effect, Latch, Queue } from "effect";
// src/devcluster/WatchStream.ts
/** Time between two bookmarks of a watch, in seconds, and how long before its end there is another one. */
const bookmarks = {
	every: 60,
	beforeEnd: 2
};
/** Events that a slow reader may fall behind before its stream is closed. */
const behindAtMost = 1e4;
/**
* Streams events until the client leaves, its `timeoutSeconds` are over, it falls too far behind, or a fault ends it. A
* version that is no longer known is answered with an ERROR event of code 410.
*/
const streamEvents = (store, watch, request, response) => Effect.scoped(Effect.gen(function* () {
	const lines = yield* Queue.unbounded();
	const overflowed = yield* Latch.make();
	const push = (type, object) => {
		Queue.offerUnsafe(lines, lineOf(type, object));
		if (Queue.sizeUnsafe(lines) > behindAtMost) overflowed.openUnsafe();
	};
	const begun = orRefusal(() => begin(store, watch, push));
	if (begun instanceof StatusError && begun.code !== 410) return sendStatus(response, begun);
	response.writeHead(200, {
		"content-type": "application/json",
		"transfer-encoding": "chunked"
	});
	response.flushHeaders();
	if (begun instanceof StatusError) return void response.end(lineOf("ERROR", begun));
	yield* Effect.addFinalizer(() => Effect.sync(begun.unsubscribe));
	for (const line of begun.first) yield* writeChunk(response, line);
	const wantsBookmarks = watch.query.get("allowWatchBookmarks") === "true";
	const bookmark = (annotations = {}) => push("BOOKMARK", watch.projection.bookmark({
		resourceVersion: String(store.version),
		...annotations
	}));
	if (wantsBookmarks && sendsInitialEvents(watch.query)) bookmark({ annotations: initialEventsEnd });
	const marking = Effect.gen(function* () {
		for (const pause of wantsBookmarks ? bookmarkPauses(secondsOf(watch.query)) : []) {
			yield* Effect.sleep(Duration.seconds(pause));
			bookmark();
		}
		return yield* Effect.never;
	});
	const send = Effect.forever(Effect.flatMap(Queue.take(lines), (line) => writeChunk(response, line)));
	const cut = Effect.map(watch.ended, (how) => {
		if (how === "dropWatch") request.socket.resetAndDestroy();
		return how;
	});
	const itsTime = Effect.as(Effect.raceFirst(overflowed.await, timeoutOf(watch.query)), "endWatch");
	const how = yield* Effect.raceAllFirst([
		send,
		marking,
		cut,
		itsTime
	]);
	if (how === "silence") return yield* Effect.never;
	response.end(how === "expireWatch" ? tooOldLine() : "");
}));
/** Answers a watch that ends as it begins. */
const sendWatchEnd = (response, how) => {
	response.writeHead(200, {
		"content-type": "application/json",
		"transfer-encoding": "chunked"
	});
	response.end(how === "expireWatch" ? tooOldLine() : "");
};
const tooOldLine = () => lineOf("ERROR", expired("too old resource version"));
const lineOf = (type, object) => `${JSON.stringify({
	type,
	object
})}\n`;
const secondsOf = (query) => numberIn(query, "timeoutSeconds") || Number.POSITIVE_INFINITY;
const timeoutOf = (query) => {
	const seconds = secondsOf(query);
	return Number.isFinite(seconds) ? Effect.sleep(Duration.seconds(seconds)) : Effect.never;
};
/** Seconds to wait before each bookmark of a watch that lasts so long. */
function* bookmarkPauses(seconds) {
	let left = seconds;
	for (; left > bookmarks.every; left -= bookmarks.every) yield bookmarks.every;
	if (left > bookmarks.beforeEnd) yield left - bookmarks.beforeEnd;
}
/** Marks the bookmark up to which a watch tells of what was there when it began. */
const initialEventsEnd = { "k8s.io/initial-events-end": "true" };
const sendsInitialEvents = (query) => query.get("sendInitialEvents") === "true";
/** Throws a `StatusError`: 400 for an option that cannot be read, 422 for some that contradict each other. */
const requireWatchOptions = (query) => {
	numberIn(query, "timeoutSeconds");
	const match = query.get("resourceVersionMatch") ?? "";
	const problem = (why) => invalidOption("resourceVersionMatch", `Forbidden: ${why}`);
	if ((query.get("continue") ?? "") !== "") throw problem("resourceVersionMatch is forbidden when continue is provided");
	if (!query.has("sendInitialEvents") && match !== "") throw problem("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
	if (query.has("sendInitialEvents") && match !== "NotOlderThan") throw problem("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
};
/** Subscribes; `first` are the lines about what is there already, or what happened since the version asked for. */
const begin = (store, { path, projection, query }, push) => {
	requireWatchOptions(query);
	const selection = selectionOf(path, query);
	const from = versionOf(query, internalError) ?? 0;
	const since = sendsInitialEvents(query) ? store.version : from;
	const seen = (event) => event.kind === path.kind && event.version > since ? seenBy(selection, event) : void 0;
	return {
		first: from === 0 || sendsInitialEvents(query) ? store.list(path.kind, selection).map((object) => lineOf("ADDED", projection.object(object))) : store.since(from).flatMap((event) => {
			const mine = seen(event);
			return mine === void 0 ? [] : [lineOf(mine.type, projection.object(mine.object))];
		}),
		unsubscribe: store.subscribe((event) => {
			const mine = seen(event);
			if (mine !== void 0) push(mine.type, projection.object(mine.object));
		})
	};
};
/**
* The event as a watch with this selection sees it, undefined when it does not: an object that leaves the selection is
* deleted, in its last form that belonged to it and with the version of the change; one that enters is added.
*/
const seenBy = (selection, event) => {
	const is = event.type !== "DELETED" && inSelection(event.object, selection);
	const was = event.previous !== void 0 && inSelection(event.previous, selection);
	if (is) return {
		...event,
		type: was ? "MODIFIED" : "ADDED"
	};
	if (!was) return void 0;
	const { resourceVersion } = event.object.metadata;
	const last = event.type === "DELETED" ? event.object : event.previous ?? event.object;
	return {
		...event,
		type: "DELETED",
		object: {
			...last,
			metadata: {
				...last.metadata,
				resourceVersion
			}
		}
	};
};
export { seenBy, sendWatchEnd, streamEvents };
