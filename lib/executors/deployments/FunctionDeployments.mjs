import { canonical, hash16 } from "../../fission/Canonical.mjs";
import { labels } from "../../fission/Labels.mjs";
import { Deployments, HorizontalPodAutoscalers, Services } from "../../fission/ResourceKind.mjs";
import { isDeleting } from "../../fission/Workloads.mjs";
import { critical, retry } from "../../kubernetes/RetryPolicy.mjs";
import { isSameAutoscaler } from "../../podspec/Autoscaler.mjs";
import { objectOf } from "../../podspec/Json.mjs";
import { isTemplateCurrent } from "../../podspec/TemplateHash.mjs";
import { functionNamedBy, isOwnedBy } from "../TakenNames.mjs";
import { convergedDeployment, convergedService, deploymentOf, leadsTo } from "./FunctionDeployment.mjs";
import { referencedVersions } from "./References.mjs";
import { Clock, Effect, RcMap, Result, Semaphore } from "effect";
import { isDeepStrictEqual } from "node:util";
// src/executors/deployments/FunctionDeployments.ts
/** Looks at a live object that somebody else keeps writing, before it is left to the next try. */
const attempts = {
	times: 4,
	while: (error) => error._tag === "KubernetesConflict"
};
/** How long what we wrote is believed in before the view has to show it; nanoseconds. */
const shownWithin = 30n * 1000000000n;
/** Makes the writer of the objects of one executor type. */
const make = (kind, { api, decisions, deletion, takenNames }) => Effect.gen(function* () {
	const locks = yield* RcMap.make({ lookup: (_key) => Semaphore.make(1) });
	/** What each autoscaler was last seen or written to be: they are not watched. */
	const autoscalers = /* @__PURE__ */ new Map();
	/** What we created or changed and the view may not show yet, by name. */
	const recent = /* @__PURE__ */ new Map();
	const recentOf = (name) => Effect.map(Clock.monotonicTimeNanos, (now) => {
		const found = recent.get(name);
		if (found !== void 0 && now - found.at > shownWithin) recent.delete(name);
		return recent.get(name);
	});
	const remember = (name, deployment) => Effect.map(Clock.monotonicTimeNanos, (at) => void recent.set(name, {
		deployment,
		at
	}));
	const alone = ({ name, namespace }, self) => Effect.scoped(Effect.flatMap(RcMap.get(locks, `${namespace}/${name}`), (lock) => lock.withPermit(self)));
	/** What a request waits for is repeated here; background work is repeated by its queue. */
	const retried = (options, call) => options?.priority === "request" ? retry(critical)(call) : call;
	const record = (action, what, desired, reason) => {
		const { name, namespace } = desired.metadata;
		const fn = `${desired.metadata.labels[labels.functionNamespace]}/${desired.metadata.labels[labels.functionName]}`;
		return decisions.record({
			action,
			kind: what.kind,
			namespace,
			name,
			reason,
			evidence: { function: fn }
		});
	};
	/** Undefined: it was there already. */
	const create = Effect.fnUntraced(function* (what, desired, options) {
		const made = yield* retried(options, api.create(what, desired, options)).pipe(Effect.catchTag("KubernetesAlreadyExists", () => Effect.succeed(void 0)));
		if (made !== void 0) yield* record("Created", what, desired, `${kind.name} function gets its objects`);
		return made;
	});
	/** Changes the live object, unless it is as it should be. Whether it had to be changed, and what it is now. */
	const change = (what, desired, wantedOf, options) => Effect.gen(function* () {
		const live = yield* retried(options, api.get(what, desired.metadata, options));
		const owner = functionNamedBy(desired.metadata.labels);
		if (!isOwnedBy(live, labels.functionUid, owner.uid)) return yield* takenNames.refuse(what, live, owner);
		const wanted = wantedOf(live);
		if (isDeepStrictEqual(wanted, live)) return {
			object: live,
			written: false
		};
		const object = yield* retried(options, api.update(what, wanted, options));
		yield* record("Updated", what, desired, `${kind.name} function's object brought to what the function says`);
		return {
			object,
			written: true
		};
	}).pipe(Effect.retry(attempts));
	const ensureService = Effect.fnUntraced(function* (view, fn, objects, options) {
		const { deployment: wanted, service } = objects;
		const deployment = view.deployments.get(wanted.metadata.namespace, wanted.metadata.name);
		const repaired = (live) => convergedService(live, service, deployment);
		const shown = view.services.get(objects.namespace, objects.name);
		const isOurs = shown?.metadata.labels?.[labels.functionUid] === fn.metadata.uid;
		if (shown !== void 0 && isOurs && leadsTo(shown, service, deployment)) return false;
		if (shown === void 0 && (yield* recentOf(objects.name)) !== void 0) return false;
		const changed = change(Services, service, repaired, options);
		const created = Effect.flatMap(create(Services, service, options), (made) => made === void 0 ? changed : Effect.succeed({
			object: made,
			written: true
		}));
		const { written } = yield* shown === void 0 && view.services.isSynced() ? created : Effect.catchTag(changed, "KubernetesNotFound", () => created);
		yield* remember(objects.name, (yield* recentOf(objects.name))?.deployment);
		return written;
	});
	const ensureDeployment = Effect.fnUntraced(function* (view, fn, objects, options) {
		const { deployment: desired, name } = objects;
		const shown = newer(deploymentOf(view, objects, fn), (yield* recentOf(name))?.deployment);
		if (shown !== void 0 && !isDeleting(shown.metadata) && isTemplateCurrent(desired, shown)) return {
			deployment: shown,
			written: false
		};
		const made = shown === void 0 ? yield* create(Deployments, desired, options) : void 0;
		const rolled = (live) => convergedDeployment(live, decoded(live), desired);
		const outcome = made === void 0 ? yield* change(Deployments, desired, rolled, options) : {
			object: made,
			written: true
		};
		const deployment = decoded(outcome.object);
		yield* remember(name, deployment);
		return {
			deployment,
			written: outcome.written
		};
	});
	const ensureAutoscaler = Effect.fnUntraced(function* ({ autoscaler, name }, isNew, options) {
		const hash = hash16(JSON.stringify(canonical(autoscaler.spec)));
		if (autoscalers.get(name) === hash) return;
		const wantedOf = (live) => isSameAutoscaler(objectOf(live["spec"]), autoscaler.spec) ? live : {
			...live,
			spec: autoscaler.spec
		};
		const created = create(HorizontalPodAutoscalers, autoscaler, options);
		if (!(isNew && (yield* created) !== void 0)) yield* change(HorizontalPodAutoscalers, autoscaler, wantedOf, options).pipe(Effect.catchTag("KubernetesNotFound", () => created));
		autoscalers.set(name, hash);
	});
	const converge = Effect.fn("FunctionDeployments.converge")(function* (view, fn, options) {
		const objects = yield* kind.objects(view, fn, yield* referencedVersions(api, view, fn, options));
		const ensured = Effect.gen(function* () {
			const isNewService = yield* ensureService(view, fn, objects, options);
			const { deployment, written } = yield* ensureDeployment(view, fn, objects, options);
			if (written && objects.ignored.length > 0) yield* Effect.logWarning("the pods of a function do not have everything that was asked for").pipe(Effect.annotateLogs({
				namespace: view.namespace,
				function: fn.metadata.name,
				ignored: objects.ignored
			}));
			yield* ensureAutoscaler(objects, isNewService, options);
			return {
				objects,
				deployment,
				written: written || isNewService
			};
		});
		return yield* alone(objects, ensured);
	});
	const scale = (deployment, wanted, options) => {
		const reference = {
			namespace: deployment.metadata.namespace ?? "",
			name: deployment.metadata.name
		};
		const write = Effect.fnUntraced(function* (known) {
			const replicas = wanted(known);
			if (replicas === void 0) return known;
			const { resourceVersion } = known.metadata;
			const body = {
				metadata: { resourceVersion },
				spec: { replicas }
			};
			yield* retried(options, api.patch(Deployments, reference, {
				type: "merge",
				subresource: "scale",
				body
			}, options));
			return {
				...known,
				spec: {
					...known.spec,
					replicas
				}
			};
		});
		const fromLive = Effect.flatMap(retried(options, api.get(Deployments, reference, options)), (live) => write(decoded(live)));
		return write(deployment).pipe(Effect.catchTag("KubernetesConflict", () => Effect.retry(fromLive, attempts)));
	};
	const doubt = (name) => {
		autoscalers.delete(name);
		recent.delete(name);
	};
	const removeOne = Effect.fnUntraced(function* (what, { name, namespace }, functionUid, ground) {
		const { labels: held, uid } = (yield* api.get(what, {
			namespace,
			name
		}).pipe(Effect.catchTag("KubernetesNotFound", () => Effect.succeed(void 0))))?.metadata ?? {};
		if (held?.[labels.functionUid] !== functionUid) return;
		const subject = {
			kind: what,
			namespace,
			name,
			uid: uid ?? ""
		};
		yield* deletion.delete(subject, ground, { reason: `of a function that ${kind.name} serves no more` });
	});
	return {
		converge,
		scale,
		alone,
		remove: Effect.fn("FunctionDeployments.remove")(function* (reference, functionUid, ground) {
			doubt(reference.name);
			const removal = Effect.forEach([
				Services,
				HorizontalPodAutoscalers,
				Deployments
			], (what) => removeOne(what, reference, functionUid, ground), { discard: true });
			yield* alone(reference, removal);
		}),
		doubt
	};
});
/** The Deployment of an answer. One that cannot be read is a server that makes no sense: metadata are enough then. */
const decoded = (live) => Result.getOrElse(Deployments.decode(live), () => ({
	metadata: live.metadata,
	spec: {}
}));
/** The Deployment that a view shows, or the one that we wrote later. */
const newer = (shown, written) => {
	if (shown === void 0 || written === void 0) return shown ?? written;
	return (written.metadata.generation ?? 0) > (shown.metadata.generation ?? 0) && written.metadata.uid === shown.metadata.uid ? written : shown;
};
export { make };
