import { isOwnedBy } from "../../executors/TakenNames.mjs";
import { labels } from "../../fission/Labels.mjs";
import { keyOf } from "../../fission/ObjectMeta.mjs";
import { Environments, Functions } from "../../fission/ResourceKind.mjs";
import { KubernetesDeletion } from "../../kubernetes/KubernetesApi.mjs";
import { refuse } from "../Refusal.mjs";
import { nameFor } from "./Adoption.mjs";
import { find, findTarget, isOfExecutor, lookForOwner, refuseToAct, resourceKinds, titleOf } from "./Target.mjs";
import { Console, Effect } from "effect";
import { Prompt } from "effect/cli";
// src/cli/orphans/deleteOrphan.ts
const wrongUsage = 2;
/** Why an object without our labels is in the way: it has the name of one of the owner's. Anything else is refused. */
const nameInTheWay = Effect.fnUntraced(function* (target, live) {
	const { owner } = target;
	if (owner === void 0) return yield* refuseToAct(`${titleOf(target)} has no label of the executor; say with --function or --environment whose name it has`);
	const kind = owner.kind === "Function" ? Functions : Environments;
	const found = yield* find(kind, owner);
	if (found === void 0) return yield* refuseToAct(`${titleOf(owner)} does not exist`);
	const uidLabel = owner.kind === "Function" ? labels.functionUid : labels.environmentUid;
	if (isOwnedBy(live, uidLabel, found.metadata.uid)) return yield* refuseToAct(`${titleOf(target)} belongs to ${titleOf(owner)}, which exists; adopt it instead`);
	const owners = owner.kind === "Function" ? { fn: yield* Effect.fromResult(Functions.decode(found)) } : { environment: yield* Effect.fromResult(Environments.decode(found)) };
	const name = nameFor(target.kind, live, owners);
	if (!(owner.kind === "Function" ? target.name === name : name !== void 0 && target.name.startsWith(name))) return yield* refuseToAct(`${titleOf(target)} is in nobody's way: ${titleOf(owner)} uses no such name`);
	return `it has the name that one of ${titleOf(owner)} should have, and no label of the executor`;
});
/** Why the object may go; ends the command when it has an owner that lives, or when that cannot be found out. */
const reasonFor = Effect.fnUntraced(function* (target) {
	const live = yield* findTarget(target);
	if (!isOfExecutor(live)) return {
		live,
		reason: yield* nameInTheWay(target, live)
	};
	const reason = yield* lookForOwner(target.kind, live);
	if (reason !== void 0) return {
		live,
		reason
	};
	return yield* refuseToAct(`${titleOf(target)} has an owner that exists; delete that one instead`);
});
const describe = ({ kind, ...target }, { metadata }, reason) => [
	`${kind} ${keyOf(target)}`,
	`  UID      ${metadata.uid ?? ""}`,
	`  created  ${metadata.creationTimestamp ?? "at an unknown time"}`,
	`  labels   ${Object.entries(metadata.labels ?? {}).map(([label, value]) => `${label}=${value}`).join(", ")}`,
	`  orphan   ${reason}`
].join("\n");
const confirmed = Effect.gen(function* () {
	if (!process.stdin.isTTY) return yield* refuse("there is nobody to ask: say --yes to delete without a question", wrongUsage);
	const answer = Prompt.run(Prompt.Confirm({ message: "Delete it?" }));
	return yield* Effect.catchTag(answer, "QuitError", () => Effect.succeed(false));
});
/**
* Deletes exactly the object that it has shown, and what that owns, after a question unless told not to ask. Refuses one
* whose owner lives: looked at live, once more after the answer.
*/
const deleteOrphan = Effect.fnUntraced(function* (target, isAgreed) {
	const { live, reason } = yield* reasonFor(target);
	yield* Console.log(describe(target, live, reason));
	if (!isAgreed) {
		if (!(yield* confirmed)) return yield* refuseToAct("nothing was deleted");
		yield* reasonFor(target);
	}
	const title = titleOf(target);
	const uid = live.metadata.uid ?? "";
	yield* KubernetesDeletion.use((deletion) => deletion.delete(resourceKinds[target.kind], target, {
		uid,
		propagationPolicy: "Background"
	})).pipe(Effect.catchTag("KubernetesNotFound", () => Effect.void), Effect.catchTag("KubernetesConflict", () => refuseToAct(`${title} is another one by now; nothing was deleted`)));
	yield* Console.log(`${title} deleted`);
});
export { deleteOrphan };
