import { labels } from "../fission/Labels.mjs";
import { referencedObjects } from "../fission/ReferencedObjects.mjs";
import { ConfigMaps, Deployments, Environments, FunctionAliases, FunctionVersions, Functions, Packages, Pods, Secrets, Services } from "../fission/ResourceKind.mjs";
import { make as make$1 } from "../kubernetes/Reflector.mjs";
import { Duration, Effect, Latch, Random } from "effect";
// src/informers/WatchScope.ts
/** Selectors of what the executor owns: pods are of interest to poolmgr alone, Services to the other types. */
const owned = {
	pods: "executorType=poolmgr",
	deployments: "executorType in (poolmgr,newdeploy,container)",
	services: "executorType in (poolmgr,newdeploy,container)"
};
/** Makes the reflectors of a namespace; nothing is asked of the API before `run`. */
const make = (options) => Effect.gen(function* () {
	const { namespace, workloadNamespace, startWithin, listener } = options;
	const reflect = (kind, settings) => make$1({
		kind,
		...settings,
		onStatus: (status) => listener.onStatus({
			resource: kind.plural,
			namespace: settings.namespace,
			required: settings.required,
			status
		})
	});
	const environmentUid = (object) => labelValues(object, "environmentUid");
	const functionUid = (object) => labelValues(object, "functionUid");
	const functions = yield* reflect(Functions, {
		namespace,
		required: true,
		indexes: {
			environment: (fn) => [fn.spec.environment?.name ?? ""],
			secret: (fn) => referencedObjects(fn).secrets,
			configMap: (fn) => referencedObjects(fn).configMaps
		},
		onChange: (change) => listener.onChange({
			kind: "functions",
			change
		})
	});
	const environments = yield* reflect(Environments, {
		namespace,
		required: true,
		onChange: (change) => listener.onChange({
			kind: "environments",
			change
		})
	});
	const packages = yield* reflect(Packages, {
		namespace,
		required: false,
		onChange: (change) => listener.onChange({
			kind: "packages",
			change
		})
	});
	const pods = yield* reflect(Pods, {
		namespace: workloadNamespace,
		labelSelector: owned.pods,
		indexes: {
			environmentUid,
			functionUid
		},
		required: true,
		onChange: (change) => listener.onChange({
			kind: "pods",
			change
		})
	});
	const deployments = yield* reflect(Deployments, {
		namespace: workloadNamespace,
		labelSelector: owned.deployments,
		indexes: {
			environmentUid: (object) => isOfPoolmgr(object) ? environmentUid(object) : [],
			functionUid: (object) => isOfPoolmgr(object) ? [] : functionUid(object)
		},
		required: true,
		onChange: (change) => listener.onChange({
			kind: "deployments",
			change
		})
	});
	const services = yield* reflect(Services, {
		namespace: workloadNamespace,
		labelSelector: owned.services,
		indexes: { functionUid },
		required: false,
		onChange: (change) => listener.onChange({
			kind: "services",
			change
		})
	});
	const secrets = yield* reflect(Secrets, {
		namespace,
		required: false,
		onChange: (change) => listener.onChange({
			kind: "secrets",
			change
		})
	});
	const configMaps = yield* reflect(ConfigMaps, {
		namespace,
		required: false,
		onChange: (change) => listener.onChange({
			kind: "configMaps",
			change
		})
	});
	const functionVersions = yield* reflect(FunctionVersions, {
		namespace,
		required: false,
		onChange: (change) => listener.onChange({
			kind: "functionVersions",
			change
		})
	});
	const functionAliases = yield* reflect(FunctionAliases, {
		namespace,
		required: false,
		onChange: (change) => listener.onChange({
			kind: "functionAliases",
			change
		})
	});
	const fromTheStart = [
		functions,
		environments,
		packages,
		pods,
		deployments,
		services
	];
	const versionsWanted = yield* Latch.make();
	const referencesWanted = yield* Latch.make();
	const fromFirstUse = [{
		wanted: versionsWanted,
		reflectors: [functionVersions, functionAliases]
	}, {
		wanted: referencesWanted,
		reflectors: [secrets, configMaps]
	}];
	const byResource = /* @__PURE__ */ new Map([
		[Functions.plural, functions],
		[Environments.plural, environments],
		[Packages.plural, packages],
		[Pods.plural, pods],
		[Deployments.plural, deployments],
		[Services.plural, services],
		[FunctionVersions.plural, functionVersions]
	]);
	const spread = Effect.flatMap(Random.next, (random) => Effect.sleep(Duration.times(startWithin, random)));
	return {
		view: {
			namespace,
			workloadNamespace,
			functions: functions.store,
			environments: environments.store,
			packages: packages.store,
			pods: pods.store,
			deployments: deployments.store,
			services: services.store,
			secrets: secrets.store,
			configMaps: configMaps.store,
			functionVersions: functionVersions.store,
			functionAliases: functionAliases.store,
			wantVersions: () => versionsWanted.openUnsafe(),
			wantReferences: () => referencesWanted.openUnsafe()
		},
		run: Effect.andThen(spread, Effect.forEach([...fromTheStart.map((reflector) => reflector.run), ...fromFirstUse.flatMap(({ reflectors, wanted }) => reflectors.map((reflector) => Effect.andThen(wanted.await, reflector.run)))], (run) => run, {
			concurrency: "unbounded",
			discard: true
		})).pipe(Effect.andThen(Effect.never)),
		retryNow: Effect.forEach([...fromTheStart, ...fromFirstUse.flatMap(({ reflectors }) => reflectors)], (reflector) => reflector.retryNow, { discard: true }),
		relist: (resource) => Effect.suspend(() => byResource.get(resource)?.relist ?? Effect.die(/* @__PURE__ */ new Error(`no view of ${resource}`)))
	};
});
const labelValues = (object, label) => {
	const value = object.metadata.labels?.[label];
	return value === void 0 ? [] : [value];
};
const isOfPoolmgr = (object) => object.metadata.labels?.[labels.executorType] === "poolmgr";
export { make };
