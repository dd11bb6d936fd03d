import { executorTypeOf, functionTimeoutSeconds, idleTimeoutSeconds, minScale } from "../../fission/Function.mjs";
import { Deployments } from "../../fission/ResourceKind.mjs";
import { isDeleting } from "../../fission/Workloads.mjs";
import { viewAge } from "../../informers/NamespaceView.mjs";
import { Ground, oldestUsableView } from "../../safeguards/Ground.mjs";
import { Duration, Effect } from "effect";
// src/executors/deployments/IdleDeployments.ts
/** Entries used more recently than this are not even looked at (lifecycle.md section 11.1). */
const leastIdle = Duration.seconds(5);
/** Scale-downs of a namespace at a time. */
const atOnce = 10;
/**
* Time without a request after which a function is idle: one that is still running may be silent for as long as it may
* run (lifecycle.md section 11.4 item 11).
*/
const idleThreshold = (fn) => Duration.seconds(Math.max(idleTimeoutSeconds(fn), functionTimeoutSeconds(fn)));
/**
* Scales the functions of a namespace that nobody uses down to their MinScale (lifecycle.md section 11). Reads only the
* cache and the view; a view older than 10 min ends the pass before it begins. Removes nothing. Never fails.
*/
const make = (given) => (view) => {
	const { cache, deletion, deployments, dryRun, type } = given;
	const scaleDown = Effect.fnUntraced(function* (service, deployment) {
		const { least, threshold } = limitsOf(type, view, service);
		const { name, namespace, uid } = deployment.metadata;
		const subject = {
			kind: Deployments,
			namespace: namespace ?? "",
			name,
			uid: uid ?? ""
		};
		if (dryRun.isOn) {
			const reason = `function ${service.fn.namespace}/${service.fn.name} would be scaled to ${least}, for nobody uses it`;
			const { kind, ...identity } = subject;
			return yield* dryRun.wouldDelete({
				kind: kind.kind,
				...identity,
				ground: "Idle",
				reason
			});
		}
		const idleFor = cache.idleFor(service) ?? Duration.zero;
		const replicas = deployment.spec.replicas ?? 1;
		const isBusy = () => Duration.isLessThan(cache.idleFor(service) ?? Duration.infinity, threshold);
		const down = deployments.scale(deployment, (found) => (found.spec.replicas ?? 1) > least && !isBusy() ? least : void 0);
		const scaled = yield* deletion.scaleDown(subject, Ground.Idle({
			idleFor,
			threshold,
			viewAge: yield* viewAge(view)
		}), down);
		if (isBusy()) yield* deployments.scale(scaled, () => replicas);
	});
	const reapOne = ({ service }) => Effect.gen(function* () {
		const { least, threshold } = limitsOf(type, view, service);
		const deployment = view.deployments.get(service.namespace, service.name);
		if (!(deployment?.metadata.uid === service.deploymentUid && !isDeleting(deployment.metadata)) || (deployment.spec.replicas ?? 1) <= least) return;
		const idleFor = cache.idleFor(service);
		if (idleFor === void 0 || Duration.isLessThan(idleFor, threshold)) return;
		yield* scaleDown(service, deployment);
	}).pipe((self) => deployments.alone(service, self), Effect.catch((error) => Effect.logWarning("an idle function was not scaled down; the next pass looks again", error.message).pipe(Effect.annotateLogs({
		namespace: view.namespace,
		function: service.fn.name
	}))));
	return Effect.gen(function* () {
		if (Duration.isGreaterThan(yield* viewAge(view), oldestUsableView)) return;
		yield* Effect.forEach(cache.idle(leastIdle, view.namespace), reapOne, {
			concurrency: atOnce,
			discard: true
		});
	});
};
/** What the live Function says now; of a version, or after a change of the type, what it said when it was asked for. */
const limitsOf = (type, view, service) => {
	const { fn, idleThreshold: known, minScale: knownLeast } = service;
	const live = fn.version === "" ? view.functions.get(fn.namespace, fn.name) : void 0;
	if (live?.metadata.uid !== fn.uid || executorTypeOf(live) !== type) return {
		least: knownLeast,
		threshold: known
	};
	return {
		least: minScale(live),
		threshold: idleThreshold(live)
	};
};
export { idleThreshold, make };
