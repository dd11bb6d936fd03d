import { make } from "../../caches/FunctionServiceCache.mjs";
import { Settings } from "../../Config.mjs";
import { FissionError } from "../../Errors.mjs";
import { executorTypeOf, minScale } from "../../fission/Function.mjs";
import { labels } from "../../fission/Labels.mjs";
import { keyOf } from "../../fission/ObjectMeta.mjs";
import { isDeleting } from "../../fission/Workloads.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { Supervisor } from "../../namespaces/Supervisor.mjs";
import { functionObjectsReference } from "../../podspec/FunctionObjects.mjs";
import { Conditions } from "../../safeguards/Conditions.mjs";
import { DecisionLog } from "../../safeguards/DecisionLog.mjs";
import { Deletion } from "../../safeguards/Deletion.mjs";
import { DryRun } from "../../safeguards/DryRun.mjs";
import { Leadership } from "../../safeguards/Leadership.mjs";
import { notTheLeader } from "../CreationError.mjs";
import { ExecutorTypes, functionWork } from "../ExecutorType.mjs";
import { viewOf } from "../FunctionView.mjs";
import { PodSpecPolicies } from "../PodSpecPolicies.mjs";
import { TakenNames } from "../TakenNames.mjs";
import { make as make$1 } from "./Availability.mjs";
import { make as make$2 } from "./Creations.mjs";
import { availableReplicas, deploymentOf, isAnswering, isOf, isOfVersion, owners } from "./FunctionDeployment.mjs";
import { make as make$3 } from "./FunctionDeployments.mjs";
import { make as make$4 } from "./FunctionLifecycle.mjs";
import { idleThreshold, make as make$5 } from "./IdleDeployments.mjs";
import { Effect } from "effect";
// src/executors/deployments/DeploymentExecutor.ts
/** Registers an executor type that gives each function a Deployment, a Service and an autoscaler of its own. */
const register = (made) => Effect.gen(function* () {
	const api = yield* KubernetesApi;
	const settings = yield* Settings;
	const deletion = yield* Deletion;
	const decisions = yield* DecisionLog;
	const conditions = yield* Conditions;
	const dryRun = yield* DryRun;
	const leadership = yield* Leadership;
	const supervisor = yield* Supervisor;
	const types = yield* ExecutorTypes;
	const takenNames = yield* TakenNames;
	const policies = yield* PodSpecPolicies;
	const kind = {
		...made,
		objects: (view, fn, references) => Effect.tap(made.objects(view, fn, references), ({ deployment }) => policies.check(made.name, {
			kind: "Function",
			metadata: fn.metadata
		}, deployment))
	};
	const cache = yield* make;
	const deployments = yield* make$3(kind, {
		api,
		deletion,
		decisions,
		takenNames
	});
	const availability = make$1(api);
	const referenceOf = (fn) => functionObjectsReference(kind.name, fn, settings);
	const serviceOf = (fn, deploymentUid) => functionService(kind, fn, deploymentUid, settings);
	const lifecycle = make$4(kind, {
		cache,
		deployments,
		conditions,
		supervisor,
		serviceOf
	});
	const creations = yield* make$2(kind.name, {
		api,
		settings,
		deployments,
		availability,
		serviceOf,
		onServed: (view, fn, service) => Effect.suspend(() => {
			cache.add(service);
			const live = view.functions.get(view.namespace, fn.metadata.name);
			if (live === void 0 || service.fn.version !== "") return Effect.void;
			return live.metadata.generation === fn.metadata.generation ? lifecycle.announce(live) : Effect.void;
		})
	});
	const addressOf = (service) => ({
		address: service.address,
		release: Effect.void
	});
	/** The service of a function that the view shows to answer, whoever made it. */
	const shown = (view, fn) => {
		const reference = referenceOf(fn);
		const deployment = deploymentOf(view, reference, fn);
		const live = view.functions.get(view.namespace, fn.metadata.name);
		const isAlive = live?.metadata.uid === fn.metadata.uid && !isDeleting(live?.metadata ?? fn.metadata);
		if (deployment === void 0 || !isAlive || !isAnswering(view, reference, fn)) return void 0;
		return serviceOf(fn, deployment.metadata.uid ?? "");
	};
	/** The service of a function that the cache knows, or that an earlier process made and the view shows to answer. */
	const known = (view, fn) => {
		const found = cache.find(identityOf(fn));
		if (found !== void 0) return found;
		const service = shown(view, fn);
		if (service !== void 0) cache.add(service);
		return service;
	};
	/** The view that a request for a function is answered from. */
	const viewFor = Effect.fnUntraced(function* (fn) {
		const { uid } = fn.metadata;
		const view = yield* viewOf(supervisor, fn);
		if ((uid ?? "").length < 17) {
			const text = `function ${keyOf(fn.metadata)}: "${uid ?? ""}" is no UID`;
			return yield* new FissionError({
				kind: "InvalidArgument",
				text
			});
		}
		if (identityOf(fn).version !== "") view.wantVersions();
		return view;
	});
	const admit = Effect.fnUntraced(function* (fn) {
		const view = yield* viewFor(fn);
		const service = known(view, fn);
		return service === void 0 ? {
			_tag: "Miss",
			create: () => leadership.role() === "Leader" ? Effect.map(creations.run(view, fn), addressOf) : notTheLeader(),
			abandon: () => {}
		} : {
			_tag: "Hit",
			service: addressOf(service),
			isValid: () => isAnswering(view, service, fn),
			evict: () => void cache.remove(service)
		};
	});
	const keysOf = (functions) => [...functions].filter((fn) => executorTypeOf(fn) === kind.name).map(({ metadata }) => ({
		handler: functionWork,
		name: metadata.name
	}));
	/** What became of an object of a function; the function is looked at where that may need something. */
	const onObject = (view, object, needsLook) => {
		if (!isOf(kind.name, view, object)) return [];
		const { labels: held, name, namespace } = object.metadata;
		availability.wake({
			namespace: namespace ?? "",
			name
		});
		if (isOfVersion(object)) view.wantVersions();
		return needsLook ? [{
			handler: functionWork,
			name: held?.[labels.functionName] ?? ""
		}] : [];
	};
	const onChange = (view, { change, kind: changed }) => {
		const { name } = change.object.metadata;
		switch (changed) {
			case "functions":
				lifecycle.note(change);
				return [];
			case "environments": return keysOf(view.functions.indexed("environment", name));
			case "secrets": return keysOf(view.functions.indexed("secret", name));
			case "configMaps": return keysOf(view.functions.indexed("configMap", name));
			case "services":
				if (change.type === "Delete") deployments.doubt(name);
				return onObject(view, change.object, true);
			case "deployments": {
				if (change.type === "Delete") deployments.doubt(name);
				const { object } = change;
				const previous = change.type === "Delete" ? void 0 : change.previous;
				const isTurning = availableReplicas(previous) >= 1 !== availableReplicas(object) >= 1;
				const isEdited = previous?.metadata.generation !== object.metadata.generation;
				return onObject(view, object, change.type === "Delete" || isTurning || isEdited);
			}
			default: return [];
		}
	};
	types.register({
		name: kind.name,
		admit,
		addressInView: (fn) => Effect.map(viewFor(fn), (view) => shown(view, fn)?.address),
		tap: cache.touch,
		tapAll: (view) => cache.touchAll(view.namespace),
		unTap: () => {},
		onChange,
		work: {},
		owners: (view) => owners(kind.name, view),
		reconcileFunction: lifecycle.reconcile,
		isServing: (view, fn) => isAnswering(view, referenceOf(fn), fn),
		leaveFunction: lifecycle.leave,
		removeFunction: lifecycle.remove,
		removeFunctionVersion: lifecycle.removeVersion,
		reconcileEnvironment: () => Effect.void,
		removeEnvironment: () => Effect.void,
		reapEvery: settings.reaperIntervals[kind.name],
		reapIdle: make$5({
			type: kind.name,
			cache,
			deployments,
			deletion,
			dryRun
		})
	});
});
const identityOf = ({ metadata }) => ({
	uid: metadata.uid ?? "",
	generation: metadata.generation ?? 0,
	name: metadata.name,
	namespace: metadata.namespace ?? "",
	version: metadata.labels?.[labels.functionVersion] ?? ""
});
const functionService = (kind, fn, deploymentUid, settings) => ({
	fn: identityOf(fn),
	...functionObjectsReference(kind.name, fn, settings),
	deploymentUid,
	minScale: minScale(fn),
	idleThreshold: idleThreshold(fn)
});
export { register };
