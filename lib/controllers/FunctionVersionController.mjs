import { FunctionVersions } from "../fission/ResourceKind.mjs";
import { ExecutorTypes, functionVersionWork } from "../executors/ExecutorType.mjs";
import { AbsentOwners } from "./AbsentOwners.mjs";
import { Effect } from "effect";
// src/controllers/FunctionVersionController.ts
/**
* Handles one FunctionVersion by name (lifecycle.md section 10): removes what was made for one that is proven gone.
* Level-triggered, repeatable.
*/
const make = Effect.gen(function* () {
	const types = yield* ExecutorTypes;
	const absentOwners = yield* AbsentOwners;
	return (view, name) => absentOwners.settle({
		view,
		kind: FunctionVersions,
		name,
		liveUid: view.functionVersions.get(view.namespace, name)?.metadata.uid ?? void 0,
		key: {
			handler: functionVersionWork,
			name
		},
		remove: (owner, ground) => Effect.forEach(types.all(), (type) => type.removeFunctionVersion?.(view, owner, ground) ?? Effect.void, { discard: true })
	});
});
export { make };
