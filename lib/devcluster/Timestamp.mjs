import { Clock, DateTime, Effect } from "effect";
// src/devcluster/Timestamp.ts
/** A time in milliseconds as Kubernetes writes it: in UTC, to the second. */
const timestampOf = (millis) => DateTime.formatIso(DateTime.makeUnsafe(millis)).replace(/\.\d+Z$/u, "Z");
/** The time as Kubernetes writes it. */
const timestamp = Effect.map(Clock.currentTimeMillis, timestampOf);
export { timestamp, timestampOf };
