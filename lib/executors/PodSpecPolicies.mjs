import { keyOf } from "../fission/ObjectMeta.mjs";
import { objectOf } from "../podspec/Json.mjs";
import { PodSpecError } from "../podspec/PodSpecError.mjs";
import { Context, Duration, Effect, Layer } from "effect";
// src/executors/PodSpecPolicies.ts
/** Longest wait for the answer of one policy. */
const answersWithin = Duration.seconds(5);
/** What every pod spec has to pass before it is written; layers add theirs while the process is built. */
var PodSpecPolicies = class PodSpecPolicies extends Context.Service()("fission-executor/executors/PodSpecPolicies") {
	static layer = Layer.sync(PodSpecPolicies, () => {
		const policies = [];
		return PodSpecPolicies.of({
			add: (policy) => void policies.push(policy),
			check: Effect.fnUntraced(function* (executorType, owner, { metadata, spec: { template } }) {
				const pods = {
					executorType,
					owner,
					namespace: metadata.namespace,
					metadata: objectOf(template["metadata"]),
					podSpec: objectOf(template["spec"])
				};
				const problems = (yield* Effect.forEach(policies, (policy) => objectionsOf(policy, pods))).flat();
				if (problems.length === 0) return;
				const subject = `${owner.kind.toLowerCase()} ${keyOf(owner.metadata)}`;
				return yield* new PodSpecError({
					subject,
					problems
				});
			})
		});
	});
};
const objectionsOf = (policy, pods) => Effect.suspend(() => policy.review(pods)).pipe(Effect.timeoutOrElse({
	duration: answersWithin,
	orElse: () => Effect.succeed(["it gave no answer within 5 s"])
}), Effect.catchDefect((defect) => Effect.as(Effect.logError("a pod-spec policy ended in a bug; the pods are denied", defect).pipe(Effect.annotateLogs({
	policy: policy.name,
	owner: keyOf(pods.owner.metadata),
	namespace: pods.namespace
})), ["it ended in a bug"])), Effect.map((objections) => objections.map((objection) => `policy ${policy.name}: ${objection}`)));
export { PodSpecPolicies };
