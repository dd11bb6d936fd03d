import { Environments } from "../fission/ResourceKind.mjs";
import { isDeleting } from "../fission/Workloads.mjs";
import { ExecutorTypes, environmentWork } from "../executors/ExecutorType.mjs";
import { AbsentOwners } from "./AbsentOwners.mjs";
import { Effect } from "effect";
// src/controllers/EnvironmentController.ts
/**
* Handles one Environment by name (lifecycle.md section 8): keeps the objects of every executor type in step with it,
* and removes those of one that is proven gone; a failed look proves nothing. Level-triggered, repeatable.
*/
const make = Effect.gen(function* () {
	const types = yield* ExecutorTypes;
	const absentOwners = yield* AbsentOwners;
	return (view, name) => Effect.gen(function* () {
		const environment = view.environments.get(view.namespace, name);
		yield* absentOwners.settle({
			view,
			kind: Environments,
			name,
			liveUid: environment?.metadata.uid ?? void 0,
			key: {
				handler: environmentWork,
				name
			},
			remove: (owner, ground) => Effect.forEach(types.all(), (type) => type.removeEnvironment(view, owner, ground), { discard: true })
		});
		if (environment === void 0 || isDeleting(environment.metadata)) return;
		yield* Effect.forEach(types.all(), (type) => type.reconcileEnvironment(view, environment), { discard: true });
	});
});
export { make };
