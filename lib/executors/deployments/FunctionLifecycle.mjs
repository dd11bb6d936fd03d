import { executorTypeOf, minScale } from "../../fission/Function.mjs";
import { labels } from "../../fission/Labels.mjs";
import { viewAge } from "../../informers/NamespaceView.mjs";
import { Ground } from "../../safeguards/Ground.mjs";
import { functionWork } from "../ExecutorType.mjs";
import { isAnswering, isOf, isOfVersion } from "./FunctionDeployment.mjs";
import { Clock, Duration, Effect } from "effect";
// src/executors/deployments/FunctionLifecycle.ts
/** How long the objects of a function outlive its change to another type: routers use an address for a minute. */
const leftAfter = Duration.seconds(90);
/** Makes the life cycle of one executor type's functions. */
const make = (kind, given) => {
	const { cache, conditions, deployments, serviceOf, supervisor } = given;
	/** UIDs of functions whose MinScale rose, and of those whose objects were written. */
	const toRaise = /* @__PURE__ */ new Set();
	const toAnnounce = /* @__PURE__ */ new Set();
	/** When functions were first seen to be served by another type, by UID; monotonic nanoseconds. */
	const leftSince = /* @__PURE__ */ new Map();
	const announce = (fn) => conditions.set(fn, readyCondition(kind));
	const complain = (view, fn, error) => Effect.andThen(Effect.logWarning("no pods can be made for this function; it is looked at again when something changes").pipe(Effect.annotateLogs({
		namespace: view.namespace,
		function: fn.metadata.name,
		problem: error.message
	})), conditions.set(fn, {
		type: degraded,
		status: "True",
		reason: reasons[error._tag],
		message: error.message.slice(0, 1024)
	}));
	/** A function that can be built again says so, if it said before that it could not. */
	const retract = (fn) => {
		const isMeant = (reason) => Object.values(reasons).includes(reason);
		const said = fn.status?.conditions?.find(({ reason, type }) => type === degraded && isMeant(reason));
		if (said?.status !== "True") return Effect.void;
		return conditions.set(fn, {
			type: degraded,
			status: "False",
			reason: said.reason,
			message: "its pods can be made"
		});
	};
	/** Replicas are raised where somebody asked for more than there are; never because we have just started. */
	const raise = Effect.fnUntraced(function* (fn, deployment) {
		const uid = fn.metadata.uid ?? "";
		if (!toRaise.has(uid)) return;
		const least = minScale(fn);
		yield* deployments.scale(deployment, ({ spec }) => (spec.replicas ?? 1) < least ? least : void 0);
		toRaise.delete(uid);
	});
	/** Names of what the views show of a function, or of the part of it that is meant. */
	const namesOf = (view, uid, isMeant = () => true) => {
		const own = [...view.deployments.indexed("functionUid", uid), ...view.services.indexed("functionUid", uid)].filter((object) => isOf(kind.name, view, object) && isMeant(object));
		return new Set(own.map(({ metadata }) => metadata.name));
	};
	const removeAll = (view, names, functionUid, ground) => Effect.forEach(names, (name) => deployments.remove({
		namespace: view.workloadNamespace,
		name
	}, functionUid, ground), { discard: true });
	/** Stops handing out addresses before anything behind them goes. */
	const forget = (services) => {
		for (const service of services) cache.remove(service);
	};
	return {
		announce,
		note: (change) => {
			if (change.type === "Delete" || change.previous === void 0) return;
			if (minScale(change.previous) < minScale(change.object)) toRaise.add(change.object.metadata.uid ?? "");
		},
		reconcile: Effect.fnUntraced(function* (view, fn) {
			const uid = fn.metadata.uid ?? "";
			leftSince.delete(uid);
			const { deployment, objects, written } = yield* deployments.converge(view, fn);
			if (written) toAnnounce.add(uid);
			yield* retract(fn);
			yield* raise(fn, deployment);
			const service = serviceOf(fn, deployment.metadata.uid ?? "");
			if (cache.idleFor(service) === void 0) cache.add(service);
			if (!toAnnounce.has(uid) || !isAnswering(view, objects, fn)) return;
			toAnnounce.delete(uid);
			yield* announce(fn);
		}, (effect, view, fn) => Effect.catchTag(effect, ["PodSpecError", "EnvironmentMissing"], (error) => complain(view, fn, error))),
		leave: Effect.fnUntraced(function* (view, fn, isServedElsewhere) {
			const uid = fn.metadata.uid ?? "";
			const names = namesOf(view, uid, (object) => !isOfVersion(object));
			if (names.size === 0) return void leftSince.delete(uid);
			if (!isServedElsewhere) return;
			const now = yield* Clock.monotonicTimeNanos;
			const since = leftSince.get(uid) ?? now;
			leftSince.set(uid, since);
			const left = Duration.subtract(leftAfter, Duration.nanos(now - since));
			if (Duration.isPositive(left)) {
				const key = {
					handler: functionWork,
					name: fn.metadata.name
				};
				return yield* supervisor.cell(view.namespace)?.enqueueAfter(key, left) ?? Effect.void;
			}
			forget(cache.ofFunction(uid).filter((service) => service.fn.version === ""));
			const by = `executor type ${executorTypeOf(fn)}`;
			yield* removeAll(view, names, uid, Ground.Superseded({
				by,
				viewAge: yield* viewAge(view)
			}));
		}),
		remove: Effect.fnUntraced(function* (view, fn, ground) {
			const cached = cache.ofFunction(fn.uid);
			forget(cached);
			for (const memory of [
				toRaise,
				toAnnounce,
				leftSince
			]) memory.delete(fn.uid);
			const names = [...namesOf(view, fn.uid), ...cached.map(({ name }) => name)];
			yield* removeAll(view, new Set(names), fn.uid, ground);
		}),
		removeVersion: Effect.fnUntraced(function* (view, version, ground) {
			const cached = cache.ofVersion(view.namespace, version.name);
			forget(cached);
			const uids = new Set(cached.map(({ fn }) => fn.uid));
			for (const object of [...view.deployments.values(), ...view.services.values()]) {
				const { [labels.functionUid]: uid = "", [labels.functionVersion]: of } = object.metadata.labels ?? {};
				if (of === version.name && isOf(kind.name, view, object)) uids.add(uid);
			}
			for (const uid of uids) {
				const shown = namesOf(view, uid, ({ metadata }) => metadata.labels?.[labels.functionVersion] === version.name);
				const known = cached.filter(({ fn }) => fn.uid === uid).map(({ name }) => name);
				yield* removeAll(view, /* @__PURE__ */ new Set([...shown, ...known]), uid, ground);
			}
		})
	};
};
/** What a Function says of itself while no pods can be made for it, and why (failure-semantics.md section 5.6). */
const degraded = "ExecutorDegraded";
const reasons = {
	PodSpecError: "InvalidSpec",
	EnvironmentMissing: "EnvironmentMissing"
};
/** What a Function says of itself once it is served (resources.md section 3.2). */
const readyCondition = ({ name }) => ({
	type: "Ready",
	status: "True",
	reason: "Available",
	message: `${name} deployment is ready`
});
export { make };
