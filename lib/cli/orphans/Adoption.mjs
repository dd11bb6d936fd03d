import "../../fission/Environment.mjs";
import { executorTypeOf } from "../../fission/Function.mjs";
import { functionObjectName } from "../../fission/FunctionObjectName.mjs";
import { functionServiceName } from "../../fission/FunctionServiceName.mjs";
import { annotations, labels } from "../../fission/Labels.mjs";
import { poolName } from "../../fission/PoolName.mjs";
import { isDeleting } from "../../fission/Workloads.mjs";
import { objectOf } from "../../podspec/Json.mjs";
import { Result } from "effect";
// src/cli/orphans/Adoption.ts
/** Why an object cannot be given to an owner. */
const refusal = (sentence) => Result.fail(sentence);
/**
* The labels by which the executor takes an object for one of these owners' (lifecycle.md section 6.2), or why it must
* not have them: the executor would never use it, or take it for what it is not.
*/
const identityLabels = (kind, object, owners) => {
	const wanted = kind === "Pod" ? ofPod(object, owners) : kind === "Deployment" && owners.fn === void 0 ? ofPool(owners) : ofFunction(kind, object, owners);
	return Result.flatMap(wanted, (identity) => {
		const problem = objectionTo(object, identity, owners);
		return problem === void 0 ? Result.succeed(identity) : refusal(problem);
	});
};
/** The name that an owner's object of that kind has, or what it begins with; undefined where the owner has none. */
const nameFor = (kind, { metadata }, { environment, fn }) => {
	if (fn === void 0) return kind === "Deployment" && environment !== void 0 ? poolName({
		...environment,
		metadata: {
			...environment.metadata,
			resourceVersion: ""
		}
	}) : void 0;
	const version = metadata.labels?.[labels.functionVersion] ?? "";
	const type = metadata.labels?.[labels.executorType] ?? executorTypeOf(fn);
	if (type === "poolmgr") return kind === "Service" ? functionServiceName(fn.metadata, version) : void 0;
	const held = version === "" ? {} : { labels: { [labels.functionVersion]: version } };
	return kind === "Pod" ? void 0 : functionObjectName(type, {
		...fn.metadata,
		labels: {},
		...held
	});
};
const ofEnvironment = ({ metadata }) => ({
	[labels.executorType]: "poolmgr",
	[labels.environmentName]: metadata.name,
	[labels.environmentNamespace]: metadata.namespace ?? "",
	[labels.environmentUid]: metadata.uid ?? ""
});
const namesOf = ({ metadata }) => ({
	[labels.functionName]: metadata.name,
	[labels.functionNamespace]: metadata.namespace ?? "",
	[labels.functionUid]: metadata.uid ?? ""
});
const ofPool = ({ environment }) => environment === void 0 ? refusal("it names no owner") : Result.succeed(ofEnvironment(environment));
const ofFunction = (kind, object, owners) => {
	const { fn } = owners;
	if (fn === void 0) return refusal(`a ${kind} belongs to a Function; name one with --function`);
	const type = object.metadata.labels?.[labels.executorType] ?? executorTypeOf(fn);
	const name = nameFor(kind, object, owners);
	if (name === void 0) return refusal(`a Function of type ${type} has no ${kind} of its own`);
	if (name !== object.metadata.name) return refusal(`the executor would never use it: it looks for ${kind} ${name}`);
	return Result.succeed({
		[labels.executorType]: type,
		...namesOf(fn),
		...kind === "Service" ? { [labels.managedBy]: "fission" } : {}
	});
};
/** A pod runs the code of one function for ever: what its labels say is completed, never changed. */
const ofPod = (object, { environment, fn }) => {
	const held = object.metadata.labels ?? {};
	if (held[labels.managed] !== "false") return refusal("a pod of a pool goes with its Deployment");
	if ((object.metadata.annotations?.[annotations.serviceHost] ?? "") === "") return refusal("it never finished specialization, so it serves nothing");
	if (environment === void 0 || fn === void 0) return refusal("a pod needs both its Environment and its Function");
	const identity = {
		...ofEnvironment(environment),
		...namesOf(fn)
	};
	const other = Object.entries(identity).find(([label, value]) => held[label] !== void 0 && held[label] !== value);
	return other === void 0 ? Result.succeed(identity) : refusal(`it runs for another one: its ${other[0]} is ${held[other[0]]}`);
};
const objectionTo = (object, identity, owners) => {
	const all = [owners.environment, owners.fn].filter((owner) => owner !== void 0);
	const leaving = all.find(({ metadata }) => isDeleting(metadata));
	if (leaving !== void 0) return `${leaving.metadata.name} is being deleted`;
	if (isDeleting(object.metadata)) return "it is being deleted";
	const apart = all.find(({ metadata }) => !["default", object.metadata.namespace].includes(metadata.namespace ?? ""));
	if (apart !== void 0) return `objects of namespace ${apart.metadata.namespace} do not live here`;
	const controller = object.metadata.ownerReferences?.find((owner) => owner.controller === true);
	if (controller !== void 0 && all.every(({ metadata }) => metadata.uid !== controller.uid)) return `it is controlled by ${controller.kind} ${controller.name} (UID ${controller.uid})`;
	const selected = objectOf(objectOf(objectOf(object["spec"])["selector"])["matchLabels"]);
	const fixed = Object.entries(identity).find(([label, value]) => selected[label] !== void 0 && selected[label] !== value);
	return fixed && `its selector, which cannot be changed, asks for ${fixed[0]} ${String(selected[fixed[0]])}`;
};
export { identityLabels, nameFor };
