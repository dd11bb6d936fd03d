import { Deployments } from "../../fission/ResourceKind.mjs";
import { availableReplicas } from "./FunctionDeployment.mjs";
import { Duration, Effect, Latch, Result } from "effect";
// src/executors/deployments/Availability.ts
/** Time between two looks at the live Deployment, for a watch that is silent. */
const lookEvery = Duration.seconds(5);
/** Nobody waits yet. */
const make = (api) => {
	const waiting = /* @__PURE__ */ new Map();
	const keyOf = ({ name, namespace }) => `${namespace}/${name}`;
	return {
		wake: (reference) => {
			for (const latch of waiting.get(keyOf(reference)) ?? []) latch.openUnsafe();
		},
		wait: (view, { metadata }) => Effect.gen(function* () {
			const reference = {
				namespace: metadata.namespace ?? "",
				name: metadata.name
			};
			const isSeen = (found) => found?.metadata.uid !== metadata.uid || (found?.status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
			const isThere = (found) => availableReplicas(found) >= 1 && isSeen(found);
			const look = api.get(Deployments, reference, { priority: "request" }).pipe(Effect.map((live) => Result.getOrUndefined(Deployments.decode(live))), Effect.catch(() => Effect.succeed(void 0)));
			const latch = yield* Latch.make();
			const latches = waiting.get(keyOf(reference)) ?? /* @__PURE__ */ new Set();
			waiting.set(keyOf(reference), latches.add(latch));
			yield* Effect.gen(function* () {
				while (!isThere(view.deployments.get(reference.namespace, reference.name))) {
					latch.closeUnsafe();
					if ((yield* Effect.timeoutOption(latch.await, lookEvery))._tag === "None" && isThere(yield* look)) return;
				}
			}).pipe(Effect.ensuring(Effect.sync(() => {
				latches.delete(latch);
				if (latches.size === 0) waiting.delete(keyOf(reference));
			})));
		})
	};
};
export { make };
