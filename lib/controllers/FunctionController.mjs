import { Settings } from "../Config.mjs";
import { executorTypeOf, functionFinalizer } from "../fission/Function.mjs";
import { Functions } from "../fission/ResourceKind.mjs";
import { isDeleting } from "../fission/Workloads.mjs";
import { KubernetesApi } from "../kubernetes/KubernetesApi.mjs";
import { Degradation } from "../namespaces/Degradation.mjs";
import { ExecutorTypes, functionWork } from "../executors/ExecutorType.mjs";
import { Ground } from "../safeguards/Ground.mjs";
import { AbsentOwners } from "./AbsentOwners.mjs";
import { Effect } from "effect";
// src/controllers/FunctionController.ts
/**
* Handles one Function by name (lifecycle.md section 7): removes what runs for one that is going away or gone, and then
* its finalizer; keeps the finalizer as the configuration says, and the objects of the others as their types want them.
* Level-triggered, repeatable.
*/
const make = Effect.gen(function* () {
	const settings = yield* Settings;
	const api = yield* KubernetesApi;
	const types = yield* ExecutorTypes;
	const absentOwners = yield* AbsentOwners;
	/** The version, by UID, from which finalizers were last written: the view may go on showing it for a while. */
	const written = /* @__PURE__ */ new Map();
	const degradation = yield* Degradation;
	const removeEverywhere = (view) => (owner, ground) => Effect.forEach(types.all(), (type) => type.removeFunction(view, owner, ground), { discard: true });
	/**
	* Writes the list of finalizers and nothing else, guarded by the version it was derived from (resources.md R3). Tried
	* again from the live object when somebody wrote in between; an object that is gone needs no finalizer.
	*/
	const writeFinalizers = (fn, change) => {
		const reference = {
			namespace: fn.metadata.namespace ?? "",
			name: fn.metadata.name
		};
		const write = ({ metadata }) => api.patch(Functions, reference, {
			type: "merge",
			body: { metadata: {
				uid: metadata.uid,
				resourceVersion: metadata.resourceVersion,
				finalizers: change(metadata.finalizers ?? [])
			} }
		});
		const fromLive = Effect.flatMap(api.get(Functions, reference), (live) => live.metadata.uid === fn.metadata.uid ? write(live) : Effect.void);
		return write(fn).pipe(Effect.catchTag("KubernetesConflict", () => fromLive), Effect.catchTag("KubernetesNotFound", () => Effect.void), Effect.asVoid);
	};
	const reconcilePresent = Effect.fnUntraced(function* (view, fn) {
		const finalizers = fn.metadata.finalizers ?? [];
		const isHeld = finalizers.includes(functionFinalizer);
		if (isDeleting(fn.metadata)) {
			if (!isHeld) return;
			const owner = ownerOf(view, fn);
			const ground = Ground.OwnerDeleting({
				owner,
				deletionTimestamp: fn.metadata.deletionTimestamp ?? "",
				finalizers,
				finalizer: functionFinalizer
			});
			yield* removeEverywhere(view)(owner, ground);
			return yield* writeFinalizers(fn, (held) => held.filter((finalizer) => finalizer !== functionFinalizer));
		}
		const { resourceVersion, uid } = fn.metadata;
		if (settings.finalizerEnabled === isHeld) written.delete(uid ?? "");
		else if (written.get(uid ?? "") !== resourceVersion) {
			yield* writeFinalizers(fn, (held) => settings.finalizerEnabled ? [...held.filter((finalizer) => finalizer !== functionFinalizer), functionFinalizer] : held.filter((finalizer) => finalizer !== functionFinalizer));
			written.set(uid ?? "", resourceVersion ?? "");
		}
		yield* reconcileObjects(view, fn);
	});
	/** What runs for a Function under its own type, before what still runs under another one. */
	const reconcileObjects = Effect.fnUntraced(function* (view, fn) {
		const own = types.get(executorTypeOf(fn));
		if (own === void 0) return;
		yield* own.reconcileFunction?.(view, fn) ?? Effect.void;
		const isServed = own.isServing?.(view, fn) ?? true;
		for (const type of types.all()) if (type !== own) yield* type.leaveFunction?.(view, fn, isServed) ?? Effect.void;
	});
	return (view, name) => Effect.gen(function* () {
		const fn = view.functions.get(view.namespace, name);
		yield* absentOwners.settle({
			view,
			kind: Functions,
			name,
			liveUid: fn?.metadata.uid ?? void 0,
			key: {
				handler: functionWork,
				name
			},
			remove: removeEverywhere(view)
		});
		if (fn === void 0) return;
		yield* reconcilePresent(view, fn).pipe(Effect.tap(() => degradation.succeeded(fn, "work")), Effect.tapError((error) => error._tag === "DeletionRefused" ? Effect.void : degradation.failed(fn, error)));
	});
});
/** A Function as the owner of what runs for it. */
const ownerOf = (view, fn) => ({
	kind: "Function",
	namespace: view.namespace,
	name: fn.metadata.name,
	uid: fn.metadata.uid ?? ""
});
export { make };
