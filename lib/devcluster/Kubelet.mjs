import { isDeleting } from "../fission/Workloads.mjs";
import { make } from "./EventRecorder.mjs";
import { make as make$1 } from "./Informer.mjs";
import { make as make$2 } from "./kubelet/Addresses.mjs";
import { plenty } from "./kubelet/Capacity.mjs";
import { registerNode } from "./kubelet/Node.mjs";
import { KubeletPods } from "./kubelet/PodObject.mjs";
import { make as make$3 } from "./kubelet/PodWorker.mjs";
import { programs } from "./kubelet/Programs.mjs";
import { hasEnded, run } from "./kubelet/Scheduler.mjs";
import { Cause, Context, Effect, FiberMap, Layer, Option, Schedule } from "effect";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { mkdtemp, rm } from "node:fs/promises";
// src/devcluster/Kubelet.ts
/**
* The only node of the embedded cluster, and its scheduler: binds pods to itself and runs each container as a process
* on the pod's own loopback address. An ordinary client of any API server. Closing the layer kills every process and
* waits for its end; the objects stay.
*/
var Kubelet = class Kubelet extends Context.Service()("fission-executor/devcluster/Kubelet") {
	static layer = (options) => Layer.effect(Kubelet, Effect.gen(function* () {
		const nodeName = options.nodeName ?? "embedded";
		const capacity = {
			...plenty,
			...options.capacity
		};
		const podRoot = options.podRoot ?? (yield* temporaryDirectory);
		const nextAddress = make$2();
		const informer = yield* make$1({ kind: KubeletPods });
		const workers = /* @__PURE__ */ new Map();
		const fibers = yield* FiberMap.make();
		const fork = yield* FiberMap.runtime(fibers)();
		const record = yield* make("kubelet");
		yield* run({
			nodeName,
			capacity,
			pods: informer
		});
		const work = (pod, uid) => Effect.gen(function* () {
			const address = yield* nextAddress;
			const worker = yield* make$3({
				pod,
				address,
				nodeName,
				podRoot,
				programs: options.programs ?? programs,
				apiServer: options.apiServer,
				record
			});
			workers.set(uid, worker);
			const graceSeconds = graceOf(informer.store.get(pod.metadata.namespace ?? "", pod.metadata.name));
			if (graceSeconds !== void 0) worker.beginDeletion(graceSeconds);
			yield* worker.run;
		}).pipe(Effect.ensuring(Effect.sync(() => workers.delete(uid))), Effect.catchDefect((defect) => Effect.logError("pod ended in a bug", Cause.die(defect))), Effect.annotateLogs({
			namespace: pod.metadata.namespace,
			pod: pod.metadata.name
		}));
		informer.subscribe(({ object, type }) => {
			const { metadata, spec } = object;
			const uid = metadata.uid ?? "";
			if (type === "Delete") return Option.getOrUndefined(FiberMap.getUnsafe(fibers, uid))?.interruptUnsafe();
			if (spec.nodeName !== nodeName) return;
			const graceSeconds = graceOf(object);
			const known = workers.get(uid);
			if (known !== void 0 && graceSeconds !== void 0) return known.beginDeletion(graceSeconds);
			if (graceSeconds === void 0 && hasEnded(object)) return;
			fork(uid, work(object, uid), { onlyIfMissing: true });
		});
		const untilRegistered = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("10 seconds")]);
		yield* Effect.forkScoped(Effect.retry(registerNode(nodeName, capacity), untilRegistered));
		return Kubelet.of({
			nodeName,
			pods: () => [...workers.values()]
		});
	}));
};
const temporaryDirectory = Effect.acquireRelease(Effect.promise(() => mkdtemp(join(tmpdir(), "fission-pods-"))), (path) => Effect.promise(() => rm(path, {
	recursive: true,
	force: true
})));
/** The grace period of a pod that is being deleted, undefined when it is not. */
const graceOf = (pod) => pod !== void 0 && isDeleting(pod.metadata) ? pod.metadata.deletionGracePeriodSeconds ?? 0 : void 0;
export { Kubelet };
