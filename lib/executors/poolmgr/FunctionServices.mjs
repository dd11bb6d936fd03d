import { Settings } from "../../Config.mjs";
import { executorTypeOf } from "../../fission/Function.mjs";
import { labels } from "../../fission/Labels.mjs";
import { keyOf } from "../../fission/ObjectMeta.mjs";
import { Services } from "../../fission/ResourceKind.mjs";
import { isDeleting } from "../../fission/Workloads.mjs";
import { viewAge } from "../../informers/NamespaceView.mjs";
import { retention } from "../../informers/VersionRetention.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { Supervisor } from "../../namespaces/Supervisor.mjs";
import { functionService, isFunctionService, servedBy, updatedService } from "../../podspec/FunctionService.mjs";
import { DecisionLog } from "../../safeguards/DecisionLog.mjs";
import { Deletion } from "../../safeguards/Deletion.mjs";
import { DryRun } from "../../safeguards/DryRun.mjs";
import { Ground } from "../../safeguards/Ground.mjs";
import { InstanceId } from "../InstanceId.mjs";
import { TakenNames, functionNamedBy, isOwnedBy } from "../TakenNames.mjs";
import { isSpecialized } from "./FunctionPod.mjs";
import { podsOf, servedGenerations, versionOf } from "./ServedPods.mjs";
import { Clock, Context, Duration, Effect, Layer, Metric } from "effect";
// src/executors/poolmgr/FunctionServices.ts
/** Name of the work that brings the Services of one function to where they belong. */
const functionServiceWork = "functionService";
/** How long a Service that we created is believed in before the view has to show it. */
const shownWithin = Duration.seconds(30);
/** Time between two looks whether the Services have been listed, which cost the API nothing. */
const untilListed = Duration.seconds(5);
/**
* How long a Service outlives the last pod of its function (W25). A function that is called now and then would else have
* its Service and slices made anew each time.
*/
const keptWithoutPods = Duration.minutes(10);
/**
* The headless Services by whose EndpointSlices routers find a function's pods without asking (poolmgr.md section 10). A
* Service leads to the pods that carry the label `served` and the newest generation; one of each published version that
* has pods of its own stands beside it. What Kubernetes refuses here costs no request: the router asks us then.
*/
var FunctionServices = class FunctionServices extends Context.Service()("fission-executor/executors/poolmgr/FunctionServices") {
	static layer = Layer.effect(FunctionServices, Effect.gen(function* () {
		const api = yield* KubernetesApi;
		const deletion = yield* Deletion;
		const decisions = yield* DecisionLog;
		const dryRun = yield* DryRun;
		const settings = yield* Settings;
		const instance = yield* InstanceId;
		const supervisor = yield* Supervisor;
		const takenNames = yield* TakenNames;
		/** When we created a Service that the view may not show yet, by namespace and name. */
		const created = /* @__PURE__ */ new Map();
		/** Since when a Service has been seen without a pod of its function, by UID. */
		const withoutPods = /* @__PURE__ */ new Map();
		const lookAgain = (view, functionName, delay) => supervisor.cell(view.namespace)?.enqueueAfter(keyOfWork(functionName), delay) ?? Effect.void;
		const record = (action, { metadata, spec }, reason) => decisions.record({
			action,
			kind: Services.kind,
			namespace: metadata.namespace,
			name: metadata.name,
			reason,
			evidence: {
				function: metadata.labels[labels.functionName],
				selector: spec.selector
			}
		});
		/** Brings the live Service to what it should be, guarded by its version. */
		const update = Effect.fnUntraced(function* (desired) {
			const { name, namespace } = desired.metadata;
			const live = yield* api.get(Services, {
				namespace,
				name
			});
			const owner = functionNamedBy(desired.metadata.labels);
			if (!isOwnedBy(live, labels.functionUid, owner.uid)) return yield* takenNames.refuse(Services, live, owner);
			const wanted = updatedService(live, desired);
			if (isDeleting(live.metadata) || wanted === live) return "exists";
			yield* api.update(Services, wanted);
			yield* record("Updated", desired, "Service brought to what its function says");
			return "updated";
		});
		/** Whether we created it a moment ago and the view has yet to show it. */
		const isExpected = Effect.fnUntraced(function* (desired) {
			const at = created.get(keyOf(desired.metadata));
			if (at === void 0) return false;
			return Duration.isLessThan(Duration.nanos((yield* Clock.monotonicTimeNanos) - at), shownWithin);
		});
		const create = Effect.fnUntraced(function* (desired) {
			const made = yield* api.create(Services, desired).pipe(Effect.as("created"), Effect.catchTag("KubernetesAlreadyExists", () => update(desired)));
			if (made !== "created") return made;
			created.set(keyOf(desired.metadata), yield* Clock.monotonicTimeNanos);
			yield* record("Created", desired, "Service created for a function that has pods");
			return made;
		});
		const ensure = Effect.fnUntraced(function* (view, fn, served) {
			const desired = functionService(fn, served, settings, instance.value);
			const shown = view.services.get(desired.metadata.namespace, desired.metadata.name);
			if (shown === void 0) {
				if (yield* isExpected(desired)) return yield* lookAgain(view, fn.metadata.name, shownWithin);
				return yield* counted(create(desired));
			}
			if (isDeleting(shown.metadata) || updatedService(shown, desired) === shown) return;
			yield* counted(update(desired));
		});
		const remove = (service, ground, reason) => isDeleting(service.metadata) ? Effect.void : deletion.delete({
			kind: Services,
			...identity$1(service)
		}, ground, { reason });
		/** Removes a Service that no pod of its function has needed for a while, nor will for a version that is retained. */
		const retire = Effect.fnUntraced(function* (view, fn, service) {
			const { generation, version } = servedBy(service);
			const type = executorTypeOf(fn);
			const age = yield* viewAge(view);
			if (version === "" && type !== "poolmgr") {
				const ground = Ground.Superseded({
					by: `executor type ${type}`,
					viewAge: age
				});
				return yield* remove(service, ground, "Service of a function that another executor type serves deleted");
			}
			const uid = service.metadata.uid ?? "";
			const now = yield* Clock.monotonicTimeNanos;
			const since = withoutPods.get(uid) ?? now;
			withoutPods.set(uid, since);
			const idleFor = Duration.nanos(now - since);
			const left = Duration.subtract(keptWithoutPods, idleFor);
			if (Duration.isPositive(left)) return yield* lookAgain(view, fn.metadata.name, left);
			if (version !== "" && retention(view)(fn.metadata.uid ?? "", generation)) return yield* lookAgain(view, fn.metadata.name, keptWithoutPods);
			const ground = Ground.Idle({
				idleFor,
				threshold: keptWithoutPods,
				viewAge: age
			});
			if (dryRun.isOn) {
				const reason = `Service of function ${fn.metadata.name} would be deleted, for the function has no pods`;
				return yield* dryRun.wouldDelete({
					kind: Services.kind,
					...identity$1(service),
					ground: ground._tag,
					reason
				});
			}
			yield* remove(service, ground, "Service of a function without pods deleted");
		});
		const reconcile = Effect.fnUntraced(function* (view, functionName) {
			const fn = view.functions.get(view.namespace, functionName);
			if (fn === void 0 || isDeleting(fn.metadata)) return;
			if (!view.services.isSynced()) return yield* lookAgain(view, functionName, untilListed);
			const pods = podsOf(view, fn);
			if (settings.functionServices) for (const served of servedGenerations(view, fn, pods)) yield* ensure(view, fn, served);
			const inUse = new Set(pods.map(versionOf));
			for (const service of servicesOf(view, fn.metadata.uid ?? "")) if (inUse.has(servedBy(service).version)) withoutPods.delete(service.metadata.uid ?? "");
			else yield* retire(view, fn, service);
		});
		return FunctionServices.of({
			onChange: (view, { change, kind }) => {
				switch (kind) {
					case "services":
						created.delete(keyOf(change.object.metadata));
						if (change.type === "Delete") withoutPods.delete(change.object.metadata.uid ?? "");
						return isFunctionService(change.object) ? workOfOwner(view, change.object) : [];
					case "pods": return isSpecialized(view, change.object) ? workOfOwner(view, change.object) : [];
					case "functions": {
						const { name, uid } = change.object.metadata;
						const isServed = view.pods.indexed("functionUid", uid ?? "").length > 0 || servicesOf(view, uid ?? "").length > 0;
						return change.type === "Upsert" && isServed ? [keyOfWork(name)] : [];
					}
					case "functionVersions": return workOf(change.object.spec.functionName);
					default: return [];
				}
			},
			owners: function* (view) {
				for (const service of view.services.values()) {
					const { [labels.functionName]: name, [labels.functionNamespace]: namespace } = service.metadata.labels ?? {};
					const { [labels.functionUid]: uid } = service.metadata.labels ?? {};
					if (!isFunctionService(service) || namespace !== view.namespace) continue;
					if (name && uid) yield {
						kind: "Function",
						namespace,
						name,
						uid
					};
				}
			},
			reconcile,
			remove: Effect.fnUntraced(function* (view, functionUid, ground) {
				for (const service of servicesOf(view, functionUid)) yield* remove(service, ground, "Service of a function that is gone deleted");
			}),
			removeVersion: Effect.fnUntraced(function* (view, version, ground) {
				if (view.functionVersions.get(view.namespace, version.name) !== void 0) return;
				for (const service of view.services.values()) {
					if (!isFunctionService(service) || servedBy(service).version !== version.name) continue;
					if (service.metadata.labels?.[labels.functionNamespace] !== version.namespace) continue;
					yield* remove(service, ground, "Service of a function version that is gone deleted");
				}
			})
		});
	}));
};
const ensures = Metric.counter("fission_executor_function_service_ensures_total", {
	description: "Looks after a function's Service that led to the API, by what came of them",
	incremental: true
});
const counted = (ensured) => {
	const count = (result) => Metric.update(Metric.withAttributes(ensures, { result }), 1);
	return ensured.pipe(Effect.tapError(() => count("error")), Effect.flatMap(count));
};
const keyOfWork = (functionName) => ({
	handler: functionServiceWork,
	name: functionName
});
const workOf = (functionName) => functionName ? [keyOfWork(functionName)] : [];
/** Work on the function that the object's labels name, if it is of this namespace: two may share one for workloads. */
const workOfOwner = (view, { metadata }) => metadata.labels?.[labels.functionNamespace] === view.namespace ? workOf(metadata.labels[labels.functionName]) : [];
const identity$1 = ({ metadata }) => ({
	namespace: metadata.namespace ?? "",
	name: metadata.name,
	uid: metadata.uid ?? ""
});
const servicesOf = (view, functionUid) => view.services.indexed("functionUid", functionUid).filter(isFunctionService);
export { FunctionServices, functionServiceWork };
