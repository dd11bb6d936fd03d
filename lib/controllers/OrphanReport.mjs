import { Schema } from "effect";
// src/controllers/OrphanReport.ts
/** One object that belongs to nobody, as `GET /debug/orphans` gives it. */
const Orphan = Schema.Struct({
	kind: Schema.String,
	namespace: Schema.String,
	name: Schema.String,
	uid: Schema.String,
	/** Why it has no owner, in words for a person. */
	reason: Schema.String,
	createdAt: Schema.NullOr(Schema.String),
	/** How long its owner has been missed, or its name been in the way; null where that is not known. */
	forSeconds: Schema.NullOr(Schema.Finite),
	/** What the executor will do with it. */
	plan: Schema.String,
	/** What a person can do. */
	remedy: Schema.String
});
/** Everything that belongs to nobody, and the namespaces of which that cannot be said. */
const OrphanReport = Schema.Struct({
	orphans: Schema.Array(Orphan),
	/** How many there are beyond those that are listed. */
	more: Schema.Int,
	unjudged: Schema.Array(Schema.Struct({
		namespace: Schema.String,
		reason: Schema.String
	}))
});
export { Orphan, OrphanReport };
