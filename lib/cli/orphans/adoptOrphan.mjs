import { labels } from "../../fission/Labels.mjs";
import { Deployments, Environments, Functions } from "../../fission/ResourceKind.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { identityLabels } from "./Adoption.mjs";
import { find, findTarget, lookForOwner, refuseToAct, resourceKinds, titleOf } from "./Target.mjs";
import { Console, Effect } from "effect";
// src/cli/orphans/adoptOrphan.ts
/** The owners that the flags name, or else the labels, even where their UID is another one. */
const ownersNamed = ({ metadata }, { kind, namespace, owner }) => {
	const named = (owner, name, space) => {
		const held = metadata.labels?.[name] ?? "";
		return held === "" ? void 0 : {
			kind: owner,
			namespace: metadata.labels?.[space] ?? namespace,
			name: held
		};
	};
	const fn = named("Function", labels.functionName, labels.functionNamespace);
	const environment = named("Environment", labels.environmentName, labels.environmentNamespace);
	const isOfBoth = kind === "Pod";
	return {
		fn: owner?.kind === "Function" ? owner : owner === void 0 || isOfBoth ? fn : void 0,
		environment: owner?.kind === "Environment" ? owner : isOfBoth || fn === void 0 ? environment : void 0
	};
};
/** An owner as it lives. Nothing is given to one that does not exist, or cannot be read. */
const owner = (kind, named) => Effect.gen(function* () {
	if (named === void 0) return void 0;
	const live = yield* find(kind, named);
	if (live === void 0) return yield* refuseToAct(`${titleOf(named)} does not exist, so nothing can be given to it`);
	return yield* Effect.fromResult(kind.decode(live)).pipe(Effect.catch((problem) => refuseToAct(`${titleOf(named)} cannot be read: ${problem.message}`)));
});
/** A second pool would leave it to chance which of the two is used. */
const refuseSecondPool = Effect.fnUntraced(function* ({ kind, name, namespace }, { environment, fn }) {
	if (kind !== "Deployment" || environment === void 0 || fn !== void 0) return;
	const labelSelector = `${labels.executorType}=poolmgr,${labels.environmentUid}=${environment.metadata.uid ?? ""}`;
	const { items } = yield* KubernetesApi.use((api) => api.list(Deployments, {
		namespace,
		labelSelector
	}));
	const other = items.find(({ metadata }) => metadata.name !== name);
	if (other === void 0) return;
	yield* refuseToAct(`Environment ${environment.metadata.name} has a pool already: Deployment ${other.metadata.name}`);
});
/**
* Gives an object the identity labels of its owner, so that the executor takes it for its own. Changes nothing else, and
* nothing that somebody has changed meanwhile. Does nothing where the object has its owner.
*/
const adoptOrphan = Effect.fnUntraced(function* (target) {
	const live = yield* findTarget(target);
	const title = titleOf(target);
	if (target.owner === void 0 && (yield* lookForOwner(target.kind, live)) === void 0) return yield* Console.log(`${title} has its owner already; nothing was changed`);
	const named = ownersNamed(live, target);
	if (named.fn === void 0 && named.environment === void 0) return yield* refuseToAct(`${title} does not say whose it is; name a --function or an --environment`);
	const owners = {
		fn: yield* owner(Functions, named.fn),
		environment: yield* owner(Environments, named.environment)
	};
	const identity = yield* Effect.fromResult(identityLabels(target.kind, live, owners)).pipe(Effect.catch((reason) => refuseToAct(`${title} cannot be adopted: ${reason}`)));
	yield* refuseSecondPool(target, owners);
	const { resourceVersion, uid } = live.metadata;
	yield* KubernetesApi.use((api) => api.patch(resourceKinds[target.kind], target, {
		type: "merge",
		body: { metadata: {
			uid,
			resourceVersion,
			labels: identity
		} }
	})).pipe(Effect.catchTag("KubernetesConflict", () => refuseToAct(`${title} was changed meanwhile; look at it and try again`)));
	yield* Console.log(`${title} belongs to ${titleOf(named.fn ?? named.environment ?? target)} now`);
});
export { adoptOrphan };
