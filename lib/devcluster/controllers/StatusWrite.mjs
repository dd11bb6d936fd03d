import { referenceOf } from "../Kinds.mjs";
import { Effect } from "effect";
import { isDeepStrictEqual } from "node:util";
// src/devcluster/controllers/StatusWrite.ts
/** Writes these fields of an object's status unless it has them. `Conflict` when it is another object by now. */
const writeStatus = (api, kind, { metadata, status: held }, wanted) => {
	if (Object.entries(wanted).every(([field, value]) => isSame(held?.[field], value))) return Effect.void;
	return Effect.asVoid(api.patch(kind, referenceOf(metadata), {
		type: "merge",
		subresource: "status",
		body: {
			metadata: { uid: metadata.uid },
			status: wanted
		}
	}));
};
/** A real server leaves out numbers that are 0 and lists without elements. */
const isSame = (held, wanted) => isDeepStrictEqual(held ?? (Array.isArray(wanted) ? [] : 0), wanted);
export { writeStatus };
