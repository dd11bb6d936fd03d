import { Supervisor } from "../../namespaces/Supervisor.mjs";
import { FetcherClient } from "../../specialization/FetcherClient.mjs";
import { Reserve } from "./Reserve.mjs";
import { Clock, Context, Duration, Effect, FiberSet, Layer } from "effect";
// src/executors/poolmgr/ReserveConnections.ts
/** Name of the work that keeps connections to the reserve of one Environment open. */
const connectionWork = "connection";
/** After this a connection is used again, so that neither side closes it: both wait longer. */
const usedEvery = Duration.seconds(60);
/**
* Connections to the fetchers of the reserve, opened ahead so that a cold start need not (poolmgr.md section 22.2). With
* or without the lease: a replica hands out its own reserve either way.
*/
var ReserveConnections = class ReserveConnections extends Context.Service()("fission-executor/executors/poolmgr/ReserveConnections") {
	static layer = Layer.effect(ReserveConnections, Effect.gen(function* () {
		const fetcher = yield* FetcherClient;
		const reserve = yield* Reserve;
		const supervisor = yield* Supervisor;
		const fork = yield* FiberSet.makeRuntime();
		/** Monotonic nanoseconds of the last use, by UID of the pod. */
		const usedAt = /* @__PURE__ */ new Map();
		const reconcile = Effect.fnUntraced(function* (view, environmentName) {
			const environment = view.environments.get(view.namespace, environmentName);
			const pods = environment === void 0 ? [] : reserve.pods(view, environment);
			if (pods.length === 0) return;
			const now = yield* Clock.monotonicTimeNanos;
			let next = usedEvery;
			for (const { metadata, status } of pods) {
				const uid = metadata.uid ?? "";
				const last = usedAt.get(uid);
				const left = last === void 0 ? Duration.zero : Duration.subtract(usedEvery, Duration.nanos(now - last));
				if (Duration.isPositive(left)) next = Duration.min(next, left);
				else {
					usedAt.set(uid, now);
					fork(fetcher.openAhead(status?.podIP ?? ""));
				}
			}
			yield* supervisor.cellOfWorkloads(view.workloadNamespace)?.enqueueAfter({
				handler: "connection",
				name: environmentName
			}, next) ?? Effect.void;
		});
		return ReserveConnections.of({
			reconcile,
			forget: (podUid) => void usedAt.delete(podUid)
		});
	}));
};
export { ReserveConnections, connectionWork };
