import { Settings } from "../../Config.mjs";
import { poolSize } from "../../fission/Environment.mjs";
import { labels } from "../../fission/Labels.mjs";
import { Deployments } from "../../fission/ResourceKind.mjs";
import { isDeleting } from "../../fission/Workloads.mjs";
import { viewAge } from "../../informers/NamespaceView.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { critical, retry } from "../../kubernetes/RetryPolicy.mjs";
import { Supervisor } from "../../namespaces/Supervisor.mjs";
import { isDeploymentCurrent, poolDeployment } from "../../podspec/PoolDeployment.mjs";
import { DecisionLog } from "../../safeguards/DecisionLog.mjs";
import { Deletion } from "../../safeguards/Deletion.mjs";
import { Ground } from "../../safeguards/Ground.mjs";
import { templateOf, updated } from "../DeploymentUpdate.mjs";
import "../ExecutorType.mjs";
import { InstanceId } from "../InstanceId.mjs";
import { PodSpecPolicies } from "../PodSpecPolicies.mjs";
import { TakenNames, isOwnedBy } from "../TakenNames.mjs";
import { areAlike, knownTemplate } from "./PoolTemplate.mjs";
import { Clock, Context, Duration, Effect, Layer, RcMap, Result, Semaphore } from "effect";
import { isDeepStrictEqual } from "node:util";
// src/executors/poolmgr/PoolDeployments.ts
/** How long a Deployment that we created is believed in before the view has to show it. */
const shownWithin = Duration.seconds(30);
/** How long a pool of size 0 outlives the last request that needed it: the next one may be near. */
const keptAfterDemand = Duration.minutes(1);
/** Time after which it is looked whether the ReplicaSet has let its last claimed pod go. */
const releasedWithin = Duration.seconds(10);
/**
* The Deployment behind each Environment's pool (poolmgr.md section 4). Found by the label `environmentUid`, whatever
* its name: the name embeds a version that moves (W26).
*/
var PoolDeployments = class PoolDeployments extends Context.Service()("fission-executor/executors/poolmgr/PoolDeployments") {
	static layer = Layer.effect(PoolDeployments, Effect.gen(function* () {
		const api = yield* KubernetesApi;
		const deletion = yield* Deletion;
		const decisions = yield* DecisionLog;
		const settings = yield* Settings;
		const instance = yield* InstanceId;
		const supervisor = yield* Supervisor;
		const takenNames = yield* TakenNames;
		const policies = yield* PodSpecPolicies;
		const locks = yield* RcMap.make({ lookup: (_environmentUid) => Semaphore.make(1) });
		/** When we created a Deployment that the view may not show yet, by Environment UID. */
		const created = /* @__PURE__ */ new Map();
		/** Each pool's template as first seen or last written here, by Environment UID: any other is an edit (W20). */
		const templates = /* @__PURE__ */ new Map();
		/** Requests that need a pool, and when the last one ended, by Environment UID. */
		const demands = /* @__PURE__ */ new Map();
		const oneAtATime = (environment, self) => Effect.scoped(Effect.flatMap(RcMap.get(locks, environment.metadata.uid ?? ""), (lock) => lock.withPermit(self)));
		const desiredFor = (environment) => Effect.tap(Effect.fromResult(poolDeployment(environment, settings, instance.value)), ({ deployment }) => policies.check("poolmgr", {
			kind: "Environment",
			metadata: environment.metadata
		}, deployment));
		const lookAgain = (view, environment, delay) => supervisor.cell(view.namespace)?.enqueueAfter({
			handler: "environment",
			name: environment.metadata.name
		}, delay) ?? Effect.void;
		const isExpected = Effect.fnUntraced(function* (environmentUid) {
			const at = created.get(environmentUid);
			if (at === void 0) return false;
			const waited = Duration.nanos((yield* Clock.monotonicTimeNanos) - at);
			if (Duration.isLessThan(waited, shownWithin)) return true;
			created.delete(environmentUid);
			return false;
		});
		/** What a request waits for is repeated here; background work is repeated by its queue. */
		const retried = (options, call) => options?.priority === "request" ? retry(critical)(call) : call;
		const remember = ({ metadata }, written) => void templates.set(metadata.uid ?? "", knownTemplate(written.metadata, templateOf(written)));
		/** The template before somebody edited it, or undefined while nobody did. */
		const editedFrom = (environment, metadata, template) => {
			const uid = environment.metadata.uid ?? "";
			const shown = knownTemplate(metadata, template);
			const known = templates.get(uid);
			if (known?.writer === shown.writer) return areAlike(known.template, template) ? void 0 : known.template;
			templates.set(uid, shown);
		};
		/** Fails when the Deployment of that name is not the Environment's; one that lost its labels gets them back. */
		const takeBack = Effect.fnUntraced(function* (view, { metadata }, desired, options) {
			const live = yield* retried(options, api.get(Deployments, desired.metadata, options));
			if (isOwnedBy(live, labels.environmentUid, metadata.uid)) {
				const labelled = {
					...live,
					metadata: {
						...live.metadata,
						labels: {
							...live.metadata.labels,
							...desired.metadata.labels
						}
					}
				};
				if (isDeepStrictEqual(labelled, live)) return;
				yield* retried(options, api.update(Deployments, labelled, options));
				return;
			}
			const owner = {
				namespace: view.namespace,
				name: metadata.name,
				uid: metadata.uid ?? ""
			};
			yield* takenNames.refuse(Deployments, live, {
				kind: "Environment",
				...owner
			});
		});
		const create = Effect.fnUntraced(function* (view, environment, options) {
			const { deployment: wanted, ignored } = yield* desiredFor(environment);
			const desired = {
				...wanted,
				spec: {
					...wanted.spec,
					replicas: Math.max(1, wanted.spec.replicas)
				}
			};
			const made = yield* retried(options, api.create(Deployments, desired, options)).pipe(Effect.map((written) => {
				remember(environment, written);
				return true;
			}), Effect.catchTag("KubernetesAlreadyExists", () => Effect.as(takeBack(view, environment, desired, options), false)));
			created.set(environment.metadata.uid ?? "", yield* Clock.monotonicTimeNanos);
			if (!made) return;
			yield* decisions.record({
				action: "Created",
				kind: "Deployment",
				namespace: desired.metadata.namespace,
				name: desired.metadata.name,
				reason: "pool created for an environment",
				evidence: {
					environment: environment.metadata.name,
					size: desired.spec.replicas,
					...ignoredFields(ignored)
				}
			});
		});
		const ensure = Effect.fnUntraced(function* (view, environment, options) {
			const uid = environment.metadata.uid ?? "";
			const pool = existing(view, uid);
			if (pool !== void 0 && (pool.spec.replicas ?? 1) > 0) return;
			const createUnlessThere = Effect.gen(function* () {
				const pool = existing(view, uid);
				if (pool !== void 0) return yield* update(view, environment, pool, options);
				if (yield* isExpected(uid)) return yield* lookAgain(view, environment, shownWithin);
				yield* create(view, environment, options);
			});
			yield* oneAtATime(environment, createUnlessThere);
		});
		const demand = Effect.fn("PoolDeployments.demand")(function* (view, environment) {
			const uid = environment.metadata.uid ?? "";
			yield* Effect.acquireRelease(Effect.sync(() => demands.set(uid, {
				requests: (demands.get(uid)?.requests ?? 0) + 1,
				endedAt: 0n
			})), () => Effect.map(Clock.monotonicTimeNanos, (endedAt) => {
				demands.set(uid, {
					requests: (demands.get(uid)?.requests ?? 1) - 1,
					endedAt
				});
			}));
			yield* ensure(view, environment, { priority: "request" });
		});
		/** How long the pool of an Environment of size 0 still has to stay; undefined when it can go. */
		const keptFor = Effect.fnUntraced(function* (view, environmentUid) {
			const { endedAt = 0n, requests = 0 } = demands.get(environmentUid) ?? {};
			if (requests > 0) return keptAfterDemand;
			const now = yield* Clock.monotonicTimeNanos;
			const left = Duration.subtract(keptAfterDemand, Duration.nanos(now - endedAt));
			if (demands.has(environmentUid) && Duration.isPositive(left)) return left;
			demands.delete(environmentUid);
			return view.pods.indexed("environmentUid", environmentUid).some(isClaimedAndOwned) ? releasedWithin : void 0;
		});
		/** Brings a pool that is needed, so of at least one pod, from whatever it is by now to what it should be. */
		const update = Effect.fnUntraced(function* (view, environment, deployment, options) {
			const { deployment: desired, ignored } = yield* desiredFor(environment);
			const size = Math.max(1, desired.spec.replicas);
			const live = yield* retried(options, api.get(Deployments, reference(deployment), options));
			const { metadata, spec } = Result.getOrElse(Deployments.decode(live), () => deployment);
			if (metadata.uid !== deployment.metadata.uid) return;
			const isCurrent = isDeploymentCurrent(environment, settings, {
				metadata,
				spec
			});
			const template = spec.template ?? {};
			const wanted = updated(live, desired, size, isCurrent ? editedFrom(environment, metadata, template) ?? template : void 0);
			if (isDeepStrictEqual(wanted, live)) return;
			const write = Effect.tap(retried(options, api.update(Deployments, wanted, options)), (written) => Effect.sync(() => remember(environment, written)));
			yield* (spec.replicas ?? 1) > size ? deletion.scaleDown({
				kind: Deployments,
				...identity$1(deployment)
			}, Ground.Superseded({
				by: `pool size ${size}`,
				viewAge: yield* viewAge(view)
			}), write) : write;
			yield* decisions.record({
				action: "Updated",
				kind: "Deployment",
				...identity$1(deployment),
				reason: "pool brought to what its environment says",
				evidence: {
					environment: environment.metadata.name,
					size,
					...ignoredFields(ignored)
				}
			});
		});
		const remove = Effect.fn("PoolDeployments.remove")(function* (view, environmentUid, ground) {
			created.delete(environmentUid);
			demands.delete(environmentUid);
			templates.delete(environmentUid);
			for (const deployment of view.deployments.indexed("environmentUid", environmentUid)) {
				if (isDeleting(deployment.metadata)) continue;
				yield* deletion.delete({
					kind: Deployments,
					...identity$1(deployment)
				}, ground, { reason: "pool removed" });
			}
		});
		const converge = Effect.fn("PoolDeployments.converge")(function* (view, environment) {
			const uid = environment.metadata.uid ?? "";
			if (poolSize(environment) === 0) {
				const kept = yield* keptFor(view, uid);
				if (kept !== void 0) return yield* lookAgain(view, environment, kept);
				return yield* remove(view, uid, Ground.Superseded({
					by: "pool size 0",
					viewAge: yield* viewAge(view)
				}));
			}
			const deployment = existing(view, uid);
			if (deployment === void 0) return yield* ensure(view, environment);
			created.delete(uid);
			if (!(isDeploymentCurrent(environment, settings, deployment) && deployment.spec.replicas === poolSize(environment) && editedFrom(environment, deployment.metadata, deployment.spec.template ?? {}) === void 0)) yield* oneAtATime(environment, update(view, environment, deployment));
		});
		return PoolDeployments.of({
			demand,
			converge,
			remove
		});
	}));
};
/** Fields of the Environment that its pods do not have, where there are any. */
const ignoredFields = (ignored) => ignored.length === 0 ? {} : { ignored };
/** The pool of an Environment that the view shows, unless it is going away. */
const existing = (view, environmentUid) => view.deployments.indexed("environmentUid", environmentUid).find((deployment) => !isDeleting(deployment.metadata));
const isClaimedAndOwned = ({ metadata }) => metadata.labels?.[labels.managed] === "false" && (metadata.ownerReferences ?? []).length > 0;
const reference = ({ metadata }) => ({
	namespace: metadata.namespace ?? "",
	name: metadata.name
});
const identity$1 = (deployment) => ({
	...reference(deployment),
	uid: deployment.metadata.uid ?? ""
});
export { PoolDeployments };
