import { Settings } from "../../Config.mjs";
import { addressOf } from "../../fission/Address.mjs";
import { specializationSeconds } from "../../fission/Function.mjs";
import { ports } from "../../fission/Labels.mjs";
import { isSynced } from "../../informers/NamespaceView.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { cpuLimit } from "../../podspec/CpuLimit.mjs";
import { foreignReferences } from "../../fission/ReferencedObjects.mjs";
import { specializeRequest } from "../../podspec/SpecializeRequest.mjs";
import { Leadership } from "../../safeguards/Leadership.mjs";
import { functionEnvironment } from "../FunctionEnvironment.mjs";
import { FetcherClient } from "../../specialization/FetcherClient.mjs";
import { Claims } from "./Claims.mjs";
import { asFissionError, creationError, notSynced, notTheLeader, tooManyUnfinished, unavailable } from "../CreationError.mjs";
import { identity as identity$1, isShared, troubleOf } from "./FunctionPod.mjs";
import { PodLifecycle } from "./PodLifecycle.mjs";
import { PoolDeployments } from "./PoolDeployments.mjs";
import { SharedPods } from "./SharedPods.mjs";
import { Context, Duration, Effect, Exit, Layer } from "effect";
// src/executors/poolmgr/ColdStart.ts
/** Longest wait for a permit of the final patch: the budget of a critical call (failure-semantics.md section 3). */
const permitWithin = Duration.seconds(10);
/** From a reservation to a pod that has the function's code loaded (poolmgr.md section 8). */
var ColdStart = class ColdStart extends Context.Service()("fission-executor/executors/poolmgr/ColdStart") {
	static layer = Layer.effect(ColdStart, Effect.gen(function* () {
		const api = yield* KubernetesApi;
		const claims = yield* Claims;
		const sharedPods = yield* SharedPods;
		const lifecycle = yield* PodLifecycle;
		const deployments = yield* PoolDeployments;
		const fetcher = yield* FetcherClient;
		const settings = yield* Settings;
		const leadership = yield* Leadership;
		const environmentOf = (view, fn) => functionEnvironment(api, view, fn).pipe(Effect.mapError((error) => error._tag === "EnvironmentMissing" ? creationError(fn, error.message, "EnvironmentMissing") : unavailable(fn, error)));
		const demandPool = (view, environment, fn) => deployments.demand(view, environment).pipe(Effect.catchTag("PodSpecError", (error) => Effect.fail(creationError(fn, error.message, "InvalidSpec"))), Effect.mapError((error) => error._tag === "FissionError" ? error : unavailable(fn, error)));
		/** Bounds the wait for a pod, and says in the caller's words what came of it. */
		const podWithin = ({ fn, view }, environment, obtain) => obtain.pipe(Effect.mapError((error) => error._tag === "SpecializeError" ? error : unavailable(fn, error)), Effect.timeoutOrElse({
			duration: Duration.min(settings.podReadyTimeout, Duration.seconds(specializationSeconds(fn) - 1)),
			orElse: () => {
				const trouble = troubleOf(view, environment);
				const text = "timeout: waited too long to get a ready pod";
				const problem = trouble === void 0 ? text : `${text} (${trouble})`;
				return Effect.fail(creationError(fn, problem, "NotReadyInTime"));
			}
		}));
		const load = ({ correlationId, fn }, environment, pod) => fetcher.specialize({
			podAddress: pod.status?.podIP ?? "",
			body: specializeRequest(environment, fn),
			correlationId
		});
		/** Claims a pod and loads the function. A pod that fails goes away when its scope closes. */
		const inOwnPod = (request, environment, serve) => Effect.scoped(Effect.gen(function* () {
			const { fn, view } = request;
			const pod = yield* podWithin(request, environment, claims.claim({
				view,
				environment,
				fn
			}));
			yield* load(request, environment, pod);
			return serve(pooledPod(pod, environment, fn));
		}));
		/** The pod that the functions of the Environment share stays in its pool: nothing of it is claimed (W05). */
		const inSharedPod = (request, environment) => {
			const { fn, reservation, view } = request;
			const obtain = sharedPods.obtain({
				view,
				environment,
				fn
			}, (pod) => load(request, environment, pod));
			return Effect.map(podWithin(request, environment, obtain), (pod) => reservation.fulfil(pooledPod(pod, environment, fn)));
		};
		/** A permit of the final patches, given back unless `isTaken` says that somebody took it over. */
		const permit = (fn, isTaken) => Effect.acquireRelease(lifecycle.finalPatches.take(1).pipe(Effect.timeoutOrElse({
			duration: permitWithin,
			orElse: () => Effect.fail(tooManyUnfinished(fn))
		})), () => isTaken() ? Effect.void : lifecycle.finalPatches.release(1), { interruptible: true });
		const start = Effect.fnUntraced(function* (request) {
			const { fn, reservation, view } = request;
			let served = false;
			const serve = (pod) => {
				served = true;
				lifecycle.serving(pod, fn);
				return reservation.fulfil(pod);
			};
			if (!isSynced(view)) return yield* notSynced(view);
			const foreign = foreignReferences(fn)[0];
			if (foreign !== void 0) return yield* creationError(fn, foreign, "InvalidSpec");
			const environment = yield* environmentOf(view, fn);
			if (leadership.role() === "Leader") yield* demandPool(view, environment, fn);
			else if (isShared(environment)) return yield* notTheLeader();
			yield* permit(fn, () => served);
			return yield* (isShared(environment) ? inSharedPod(request, environment) : inOwnPod(request, environment, serve)).pipe(Effect.retry({
				times: 1,
				while: (error) => error._tag === "SpecializeError" && error.reason !== "Answered"
			}));
		});
		const run = Effect.fn("ColdStart.run")(function* (request) {
			const { fn, reservation } = request;
			return yield* Effect.scoped(start(request)).pipe(Effect.catchTag("SpecializeError", (error) => {
				const failure = asFissionError(fn, error);
				if (error.reason === "Answered") reservation.abandon(failure);
				return Effect.fail(failure);
			}), Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => reservation.abandon())));
		});
		return ColdStart.of({ run });
	}));
};
const pooledPod = (pod, environment, fn) => ({
	address: addressOf(pod.status?.podIP ?? "", ports.runtime),
	...identity$1(pod),
	fn: {
		uid: fn.metadata.uid ?? "",
		generation: fn.metadata.generation ?? 0,
		name: fn.metadata.name,
		namespace: fn.metadata.namespace ?? ""
	},
	environmentUid: environment.metadata.uid ?? "",
	shared: isShared(environment),
	cpuLimit: cpuLimit(pod)
});
export { ColdStart };
