import { Environments } from "../fission/ResourceKind.mjs";
import { critical, retry } from "../kubernetes/RetryPolicy.mjs";
import { Data, Effect } from "effect";
// src/executors/FunctionEnvironment.ts
/** A Function has no Environment that can be used; it stays so until somebody edits one of them. */
var EnvironmentMissing = class extends Data.TaggedError("EnvironmentMissing") {};
/** A Function's Environment from the view, or live where the view does not have it yet. A request may wait for it. */
const functionEnvironment = (api, view, fn) => Effect.gen(function* () {
	const { namespace } = fn.spec.environment ?? {};
	const name = fn.spec.environment?.name ?? "";
	if ((namespace ?? "") !== "" && namespace !== view.namespace) return yield* new EnvironmentMissing({ message: `cross-namespace environment reference is not allowed: fn.namespace=${view.namespace} env.namespace=${namespace}` });
	const known = view.environments.get(view.namespace, name);
	if (known !== void 0) return known;
	const missing = new EnvironmentMissing({ message: `Environment.fission.io "${name}" not found` });
	if (name === "") return yield* missing;
	const live = yield* api.get(Environments, {
		namespace: view.namespace,
		name
	}, { priority: "request" }).pipe(retry(critical), Effect.catchTag("KubernetesNotFound", () => Effect.fail(missing)));
	return yield* Effect.fromResult(Environments.decode(live)).pipe(Effect.mapError((problem) => new EnvironmentMissing({ message: `environment "${name}" cannot be read: ${problem.message}` })));
});
export { EnvironmentMissing, functionEnvironment };
