import { claimOf, ownerlessReason } from "../../fission/ClaimedOwners.mjs";
import { labels } from "../../fission/Labels.mjs";
import { Deployments, Environments, FunctionVersions, Functions, HorizontalPodAutoscalers, Pods, Services } from "../../fission/ResourceKind.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { refuse } from "../Refusal.mjs";
import { Effect, Option } from "effect";
// src/cli/orphans/Target.ts
/** Exit code of a command that was understood and not carried out. */
const notDone = 1;
/** Says why nothing was done, and ends the process with code 1. */
const refuseToAct = (message) => refuse(message, notDone);
/** Kinds of which an orphan may be. */
const resourceKinds = {
	Deployment: Deployments,
	Service: Services,
	Pod: Pods,
	HorizontalPodAutoscaler: HorizontalPodAutoscalers
};
const ownerKinds = {
	Environment: Environments,
	Function: Functions,
	FunctionVersion: FunctionVersions
};
/** `Deployment default/hello`. */
const titleOf = ({ kind, name, namespace }) => `${kind} ${namespace}/${name}`;
/** The owner that a flag names, in the namespace of the object unless it says another. */
const ownerFlagged = (namespace, flags) => {
	const named = (kind) => (text) => {
		const [name = "", space = namespace] = text.split("/").toReversed();
		return {
			kind,
			namespace: space,
			name
		};
	};
	const owner = Option.orElse(Option.map(flags.function, named("Function")), () => Option.map(flags.environment, named("Environment")));
	return Option.getOrUndefined(owner);
};
/** The live object; undefined when there is none. */
const find = (kind, reference) => KubernetesApi.use((api) => api.get(kind, reference)).pipe(Effect.catchTag("KubernetesNotFound", () => Effect.succeed(void 0)));
/** The live object that the command is about. */
const findTarget = (target) => Effect.flatMap(find(resourceKinds[target.kind], target), (live) => live === void 0 ? refuseToAct(`${titleOf(target)} does not exist`) : Effect.succeed(live));
/**
* Why a live object has no owner, or undefined when it has one. Each owner that its labels name is looked at live; a look
* that fails proves nothing, and fails.
*/
const lookForOwner = (kind, { metadata }) => Effect.gen(function* () {
	const claim = claimOf(kind, metadata);
	const states = /* @__PURE__ */ new Map();
	for (const owner of claim.owners) {
		const live = yield* find(ownerKinds[owner.kind], owner);
		const isOther = owner.uid !== void 0 && live?.metadata.uid !== owner.uid;
		states.set(owner, live === void 0 ? "Absent" : isOther ? "AnotherUid" : "Present");
	}
	return ownerlessReason(claim, (owner) => states.get(owner) ?? "Absent");
});
/** Whether an executor says that it made the object. */
const isOfExecutor = ({ metadata }) => (metadata.labels?.[labels.executorType] ?? "") !== "";
export { find, findTarget, isOfExecutor, lookForOwner, ownerFlagged, refuseToAct, resourceKinds, titleOf };
