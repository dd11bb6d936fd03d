import { ApiServerHealth } from "../kubernetes/ApiServerHealth.mjs";
import { countErrors } from "../kubernetes/CallMetrics.mjs";
import { KubernetesApi, KubernetesDeletion } from "../kubernetes/KubernetesApi.mjs";
import { makeUnsafe } from "../kubernetes/WarmUp.mjs";
import { Circuits } from "./Circuits.mjs";
import { Context, Effect, Layer, Stream } from "effect";
// src/namespaces/GuardedKubernetesApi.ts
/**
* Puts every single-object call behind its namespace's circuits, and makes a refusal that has outlasted the warm-up of a
* server the `FatalError` it stands for, per verb, resource and namespace (failure-semantics.md section 2). Lists and
* watches pass the circuits, for their reflectors back off by themselves and their success closes a circuit early; only
* while the server is away do they wait for their namespace's turn.
*/
const layer = Layer.effectContext(Effect.gen(function* () {
	const api = yield* KubernetesApi;
	const deletion = yield* KubernetesDeletion;
	const circuits = yield* Circuits;
	const server = yield* ApiServerHealth;
	const warmUps = /* @__PURE__ */ new Map();
	const warmUpOf = (id) => {
		const known = warmUps.get(id) ?? makeUnsafe();
		warmUps.set(id, known);
		return known;
	};
	const guard = (verb, kind, reference, options, self) => {
		const { namespace, name } = reference;
		if (namespace === void 0 || namespace === null || namespace === "") return self;
		const someoneWaits = options?.priority === "request";
		const warmUp = warmUpOf(`${verb} ${kind.plural} ${namespace}`);
		const call = {
			verb,
			resource: kind.plural,
			namespace,
			name,
			someoneWaits
		};
		return circuits.protect(call, countErrors(call)(self)).pipe(Effect.tap(() => warmUp.judge(void 0)), Effect.catch((error) => Effect.flatMap(warmUp.judge(error), Effect.fail)));
	};
	/** A refusal shows a server that answers; a stream that breaks later was answered before. */
	const attempted = (namespace) => (error) => Effect.sync(() => {
		const isTimeout = error._tag === "KubernetesTimeoutError" && error.kind !== "Warmup";
		server.attempted(namespace, isTimeout ? "Timeout" : "Answer");
	});
	const list = (kind, options) => {
		const { namespace = "" } = options;
		const listed = Effect.tap(api.list(kind, options), () => Effect.sync(() => {
			server.attempted(namespace, "Answer");
			server.succeeded(namespace, kind);
		}));
		return Effect.andThen(server.turn(namespace), listed.pipe(countErrors({
			verb: "list",
			resource: kind.plural,
			namespace
		}), Effect.tapError(attempted(namespace))));
	};
	const watch = (kind, options) => {
		const { namespace = "" } = options;
		const failed = attempted(namespace);
		const count = countErrors({
			verb: "watch",
			resource: kind.plural,
			namespace
		});
		return Stream.unwrap(Effect.map(server.turn(namespace), () => {
			let isOpen = false;
			const opened = Effect.suspend(() => {
				isOpen = true;
				server.attempted(namespace, "Answer");
				return options.opened ?? Effect.void;
			});
			return api.watch(kind, {
				...options,
				opened
			}).pipe(Stream.tapError((error) => Effect.ignore(count(Effect.fail(error)))), Stream.tapError((error) => isOpen ? Effect.void : failed(error)));
		}));
	};
	return Context.make(KubernetesApi, {
		list,
		watch,
		get: (kind, reference, options) => guard("get", kind, reference, options, api.get(kind, reference, options)),
		create: (kind, object, options) => guard("create", kind, object.metadata, options, api.create(kind, object, options)),
		update: (kind, object, options) => guard("update", kind, object.metadata, options, api.update(kind, object, options)),
		patch: (kind, reference, patch, options) => guard("patch", kind, reference, options, api.patch(kind, reference, patch, options))
	}).pipe(Context.add(KubernetesDeletion, { delete: (kind, reference, options) => guard("delete", kind, reference, options, deletion.delete(kind, reference, options)) }));
}));
export { layer };
