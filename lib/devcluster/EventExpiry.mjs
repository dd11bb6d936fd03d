import { servedKinds } from "./ServedKinds.mjs";
import { Clock, Duration, Effect, Schedule } from "effect";
// src/devcluster/EventExpiry.ts
/** How long Events are kept, as by default on a real server. */
const keptFor = Duration.hours(1);
const events = servedKinds.filter(({ kind }) => kind === "Event");
/** Removes Events that nobody has written to for an hour, until the scope closes; looks once a minute. */
const expireEvents = (store) => Effect.gen(function* () {
	const oldest = (yield* Clock.currentTimeMillis) - Duration.toMillis(keptFor);
	for (const kind of events) {
		const all = store.list(kind, {
			namespace: void 0,
			matches: () => true
		});
		for (const { metadata } of all.filter((event) => writtenAt(event) < oldest)) store.delete(kind, metadata.namespace, metadata.name, { uid: metadata.uid });
	}
}).pipe(Effect.repeat(Schedule.spaced("1 minute")), Effect.forkScoped, Effect.asVoid);
/** When an Event was last counted, or else made. */
const writtenAt = (event) => Date.parse(String(event["lastTimestamp"] ?? event.metadata.creationTimestamp));
export { expireEvents };
