import { Pods } from "../../fission/ResourceKind.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { Supervisor } from "../../namespaces/Supervisor.mjs";
import { drainPatch, finalPatch, servedPatch } from "../../podspec/PodPatches.mjs";
import { InstanceId } from "../InstanceId.mjs";
import { identity as identity$1, isReserved, isReservedBy } from "./FunctionPod.mjs";
import { Clock, Context, DateTime, Effect, Layer } from "effect";
// src/executors/poolmgr/PodWrites.ts
/**
* What is written onto the pods of functions. Each is one patch guarded by UID, repeatable, and false when the pod is
* gone, or another has its name: then it needs no patch any more.
*/
var PodWrites = class PodWrites extends Context.Service()("fission-executor/executors/poolmgr/PodWrites") {
	static layer = Layer.effect(PodWrites, Effect.gen(function* () {
		const api = yield* KubernetesApi;
		const supervisor = yield* Supervisor;
		const instance = yield* InstanceId;
		const isShown = (pod) => {
			const { name, namespace, uid } = identity$1(pod);
			return supervisor.cellOfWorkloads(namespace)?.view.pods.get(namespace, name)?.metadata.uid === uid;
		};
		/** A conflict while the view shows this very pod is one of versions, and fails: it is tried again. */
		const patch = (pod, body, options) => api.patch(Pods, identity$1(pod), {
			type: "strategic",
			body
		}, options).pipe(Effect.as(true), Effect.catchTag("KubernetesNotFound", () => Effect.succeed(false)), Effect.catchTag("KubernetesConflict", (error) => isShown(pod) ? Effect.fail(error) : Effect.succeed(false)));
		return PodWrites.of({
			recordServing: (pod, address, fn) => isReserved(pod) ? patch(pod, finalPatch(pod, address, fn), { withoutLease: isReservedBy(instance.value, pod) }) : patch(pod, servedPatch(pod, address, fn.metadata.resourceVersion ?? "")),
			recordDraining: Effect.fnUntraced(function* (pod) {
				const since = DateTime.formatIso(DateTime.makeUnsafe(yield* Clock.currentTimeMillis));
				return yield* patch(pod, drainPatch(pod.metadata.uid ?? "", since));
			})
		});
	}));
};
export { PodWrites };
