import { FissionError } from "../../Errors.mjs";
import { minScale, specializationSeconds } from "../../fission/Function.mjs";
import { keyOf } from "../../fission/ObjectMeta.mjs";
import { Functions } from "../../fission/ResourceKind.mjs";
import { isDeleting } from "../../fission/Workloads.mjs";
import { isSynced } from "../../informers/NamespaceView.mjs";
import { critical, retry } from "../../kubernetes/RetryPolicy.mjs";
import { functionObjectsReference } from "../../podspec/FunctionObjects.mjs";
import { creationError, notSynced, unavailable } from "../CreationError.mjs";
import { deploymentOf } from "./FunctionDeployment.mjs";
import { Duration, Effect, Fiber, FiberMap, Option } from "effect";
// src/executors/deployments/Creations.ts
/** Nothing is being brought up yet; what is ends with the scope. */
const make = (type, given) => Effect.gen(function* () {
	const { api, availability, deployments, onServed, serviceOf, settings } = given;
	const creations = yield* FiberMap.make();
	const fork = yield* FiberMap.runtime(creations)();
	/** A function that is gone gets nothing (newdeploy-and-container.md section 13.2 step 2). */
	const checkAlive = Effect.fnUntraced(function* (view, fn) {
		const { name, uid } = fn.metadata;
		const known = view.functions.get(view.namespace, name) ?? (yield* api.get(Functions, {
			namespace: view.namespace,
			name
		}, { priority: "request" }).pipe(retry(critical), Effect.catchTag("KubernetesNotFound", () => Effect.succeed(void 0)), Effect.mapError((error) => unavailable(fn, error))));
		const isThere = known !== void 0 && known.metadata.uid === uid;
		if (isThere && !isDeleting(known.metadata)) return;
		const gone = isThere ? "is being deleted" : "is gone";
		const text = `function ${keyOf(fn.metadata)} ${gone}, not creating service`;
		return yield* new FissionError({
			kind: "NotFound",
			text
		});
	});
	/** At least one replica, and at least as many as the Function says. */
	const raised = (fn) => (deployment) => {
		const least = Math.max(1, minScale(fn));
		return (deployment.spec.replicas ?? 1) < least ? least : void 0;
	};
	const serve = Effect.fn("Creations.serve")(function* (view, fn) {
		if (!isSynced(view)) return yield* notSynced(view);
		yield* checkAlive(view, fn);
		const options = { priority: "request" };
		const deployment = yield* deployments.converge(view, fn, options).pipe(Effect.flatMap(({ deployment }) => deployments.scale(deployment, raised(fn), options)), Effect.mapError((error) => asFissionError(fn, error)));
		yield* availability.wait(view, deployment).pipe(Effect.timeoutOrElse({
			duration: Duration.seconds(waitSeconds(fn)),
			orElse: () => Effect.fail(notAvailable(view, fn, functionObjectsReference(type, fn, settings)))
		}));
		const service = serviceOf(fn, deployment.metadata.uid ?? "");
		yield* onServed(view, fn, service);
		return service;
	}, (effect, view, fn) => Effect.annotateLogs(effect, {
		namespace: view.namespace,
		function: fn.metadata.name
	}));
	return { run: (view, fn) => Effect.suspend(() => {
		const { name } = functionObjectsReference(type, fn, settings);
		const key = `${name}/${fn.metadata.generation ?? 0}`;
		const running = FiberMap.getUnsafe(creations, key);
		return Fiber.join(Option.getOrElse(running, () => fork(key, serve(view, fn))));
	}) };
});
/** Seconds that pods may take; the whole creation has a little more. */
const waitSeconds = (fn) => specializationSeconds(fn) - 10;
const asFissionError = (fn, error) => error._tag === "PodSpecError" || error._tag === "EnvironmentMissing" ? creationError(fn, error.message) : unavailable(fn, error);
/** The words of the stock executor, and those of the Deployment where it says why. */
const notAvailable = (view, fn, reference) => {
	const text = `failed to create deployment within the timeout window of ${waitSeconds(fn)} seconds`;
	const trouble = (deploymentOf(view, reference, fn)?.status?.conditions ?? []).find(({ status, type }) => status === (type === "ReplicaFailure" ? "True" : "False"));
	return creationError(fn, trouble?.message ? `${text} (${trouble.message})` : text);
};
export { make };
