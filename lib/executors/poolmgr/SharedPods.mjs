import { addressOf } from "../../fission/Address.mjs";
import { labels, ports } from "../../fission/Labels.mjs";
import { Pods } from "../../fission/ResourceKind.mjs";
import { isDeleting } from "../../fission/Workloads.mjs";
import { viewAge } from "../../informers/NamespaceView.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { Supervisor } from "../../namespaces/Supervisor.mjs";
import { objectOf } from "../../podspec/Json.mjs";
import { servedPatch } from "../../podspec/PodPatches.mjs";
import { specializeRequest } from "../../podspec/SpecializeRequest.mjs";
import { Conditions } from "../../safeguards/Conditions.mjs";
import { Ground } from "../../safeguards/Ground.mjs";
import { leavesPodClean } from "../../specialization/FetcherClient.mjs";
import { environmentOf, identity as identity$1, isShared, isSpecialized, readyVia, sourceOf, warmPods } from "./FunctionPod.mjs";
import { PodLifecycle } from "./PodLifecycle.mjs";
import { WarmPods } from "./WarmPods.mjs";
import { Context, Effect, Layer } from "effect";
import { createHash } from "node:crypto";
// src/executors/poolmgr/SharedPods.ts
/** Name of the work that writes onto a shared pod what it holds, or removes one that nobody may share any more. */
const sharedPodWork = "sharedPod";
/**
* The one pod that all functions of an `infinite` Environment share (poolmgr.md section 19, W05). It stays in its pool
* and available to the next function; loads of one pod follow one another.
*
* The fetcher keeps whatever lies under a function's path already (function-pod-protocol.md P01), and a runtime may
* refuse a second load. So each function is loaded into a pod once, and an annotation of the pod says what it holds:
* after a restart nothing is loaded again. Code that another one stands in the way of, and a load that is refused where
* an earlier one may have happened, need a pod without it: the pool makes one in place of the pod, whose requests end
* within its grace. A load that fails for any other reason leaves the pod to the functions in it.
*/
var SharedPods = class SharedPods extends Context.Service()("fission-executor/executors/poolmgr/SharedPods") {
	static layer = Layer.effect(SharedPods, Effect.gen(function* () {
		const api = yield* KubernetesApi;
		const warmPods$1 = yield* WarmPods;
		const lifecycle = yield* PodLifecycle;
		const conditions = yield* Conditions;
		const supervisor = yield* Supervisor;
		/** By UID of the pod. */
		const known = /* @__PURE__ */ new Map();
		const contentsOf = (pod) => {
			const uid = pod.metadata.uid ?? "";
			const contents = known.get(uid) ?? {
				inherited: isServed(pod),
				occupants: /* @__PURE__ */ new Map()
			};
			known.set(uid, contents);
			return contents;
		};
		const holds = (pod, fn, code) => {
			const occupant = known.get(pod.metadata.uid ?? "")?.occupants.get(fn.metadata.uid ?? "");
			return occupant === void 0 ? recordedCode(pod, fn) === code : occupant.state === "Loaded" && occupant.code === code;
		};
		/** Takes the pod for one load. */
		const take = ({ environment, view }) => Effect.uninterruptibleMask((restore) => Effect.gen(function* () {
			const source = sourceOf(environment, () => warmPods(view, environment));
			const pod = yield* restore(warmPods$1.take(source));
			lifecycle.claimed(pod);
			yield* Effect.addFinalizer(() => Effect.sync(() => {
				if (!lifecycle.isClaimed(pod)) return;
				lifecycle.unclaimed(pod);
				warmPods$1.release(pod.metadata.uid ?? "");
			}));
			return pod;
		}));
		const replace = Effect.fnUntraced(function* (view, pod, by) {
			const ground = Ground.Superseded({
				by,
				viewAge: yield* viewAge(view)
			});
			yield* lifecycle.remove(pod, ground, "shared pod replaced by a new one of its pool");
		});
		const begin = (pod, fn, code) => {
			const { occupants } = contentsOf(pod);
			const uid = fn.metadata.uid ?? "";
			const before = occupants.get(uid);
			const become = (state) => void occupants.set(uid, {
				fn,
				code,
				state,
				recorded: false
			});
			become("Unknown");
			return {
				loaded: () => {
					become("Loaded");
					const { name, namespace } = pod.metadata;
					supervisor.cellOfWorkloads(namespace ?? "")?.enqueue({
						handler: sharedPodWork,
						name
					});
				},
				failed: (error) => {
					if (error.reason === "AnswerLost") return;
					if (error.reason === "Answered" && !leavesPathFree(error)) return become("Refused");
					if (before === void 0) occupants.delete(uid);
					else occupants.set(uid, before);
				}
			};
		};
		/** Loads the function into a pod that is there; undefined when that pod had to be replaced. */
		const attempt = Effect.fnUntraced(function* (claim, code, load) {
			const { fn, view } = claim;
			const pod = yield* take(claim);
			if (holds(pod, fn, code)) return pod;
			const { inherited, occupants } = contentsOf(pod);
			const occupant = occupants.get(fn.metadata.uid ?? "");
			if ((occupant?.code ?? recordedCode(pod, fn) ?? code) !== code) return yield* replace(view, pod, `the code of function ${fn.metadata.name}`);
			const mayBeThere = occupant === void 0 ? inherited : occupant.state === "Unknown";
			const loading = begin(pod, fn, code);
			return yield* load(pod).pipe(Effect.tapError((error) => Effect.sync(() => loading.failed(error))), Effect.map(() => {
				loading.loaded();
				return pod;
			}), Effect.catchIf((error) => mayBeThere && isRefusedByRuntime(error), () => replace(view, pod, `a first load of function ${fn.metadata.name}`)));
		}, Effect.scoped);
		const obtain = Effect.fn("SharedPods.obtain")(function* (claim, load) {
			const { environment, fn, view } = claim;
			const code = codeOf(claim);
			let obtained = warmPods(view, environment).find((pod) => holds(pod, fn, code));
			while (obtained === void 0) obtained = (yield* attempt(claim, code, load)) ?? void 0;
			return obtained;
		});
		const holdsCode = (pod) => isServed(pod) || (known.get(pod.metadata.uid ?? "")?.occupants.size ?? 0) > 0;
		/** Writes what the pod holds onto it, and what the stock executor writes: the last function wins. */
		const record = Effect.fnUntraced(function* (view, pod) {
			const loaded = [...known.get(pod.metadata.uid ?? "")?.occupants.values() ?? []].filter(({ recorded, state }) => state === "Loaded" && !recorded);
			const last = loaded.at(-1);
			if (last === void 0) return;
			const address = addressOf(pod.status?.podIP ?? "", ports.runtime);
			const served = objectOf(servedPatch(pod, address, last.fn.metadata.resourceVersion ?? "")["metadata"]);
			const records = Object.fromEntries(loaded.map(({ code, fn }) => [loadedAnnotation(fn), code]));
			const body = { metadata: {
				...served,
				annotations: {
					...objectOf(served["annotations"]),
					...records
				}
			} };
			yield* api.patch(Pods, identity$1(pod), {
				type: "strategic",
				body
			}).pipe(Effect.catchTag(["KubernetesNotFound", "KubernetesConflict"], () => Effect.void));
			for (const occupant of loaded) {
				occupant.recorded = true;
				const { name, uid } = occupant.fn.metadata;
				const fn = view.functions.get(view.namespace, name);
				if (fn !== void 0 && fn.metadata.uid === uid) yield* conditions.set(fn, readyVia(pod));
			}
		});
		const reconcile = Effect.fnUntraced(function* (view, podName) {
			const pod = view.pods.get(view.workloadNamespace, podName);
			if (pod === void 0 || isDeleting(pod.metadata) || !holdsCode(pod)) return;
			const environment = environmentOf(view, pod);
			if (environment === void 0 || isSpecialized(view, pod)) return;
			if (isShared(environment)) return yield* record(view, pod);
			yield* replace(view, pod, "an Environment whose functions have pods of their own");
		});
		return SharedPods.of({
			obtain,
			holdsCode,
			forget: (podUid) => void known.delete(podUid),
			reconcile
		});
	}));
};
const isServed = (pod) => pod.metadata.labels?.[labels.served] === "true";
/** Names the code of one function that a pod holds. */
const loadedAnnotation = (fn) => `fission.io/loaded-${fn.metadata.uid ?? ""}`;
const recordedCode = (pod, fn) => pod.metadata.annotations?.[loadedAnnotation(fn)];
/** Sixteen hex digits over everything of a load that decides what runs, which the Function's metadata does not. */
const codeOf = ({ environment, fn }) => {
	const { FetchReq: fetch, LoadReq: load } = specializeRequest(environment, fn);
	const { FunctionMetadata: _, ...code } = objectOf(load);
	return createHash("sha256").update(JSON.stringify([fetch, code])).digest("hex").slice(0, 16);
};
/** Answers given before anything was put under the path (function-pod-protocol.md sections 5 and 12). */
const leavesPathFree = (error) => error.status === 401 || leavesPodClean(error);
/** The runtime's own answer, as the fetcher relays it (function-pod-protocol.md section 5). */
const isRefusedByRuntime = (error) => error.reason === "Answered" && error.text.startsWith("error specializing function pod: ");
export { SharedPods, sharedPodWork };
