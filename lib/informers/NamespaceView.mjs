import { Duration, Effect } from "effect";
// src/informers/NamespaceView.ts
/** The views without which no pod may be created, claimed or removed. */
const required = (view) => [
	view.functions,
	view.environments,
	view.pods,
	view.deployments
];
/** Whether every required view has been listed completely once. */
const isSynced = (view) => required(view).every((store) => store.isSynced());
/** Age of the oldest required view; infinite before it is synced. */
const viewAge = (view) => Effect.map(Effect.all(required(view).map((store) => store.age)), (ages) => ages.reduce((oldest, age) => Duration.max(oldest, age), Duration.zero));
export { isSynced, viewAge };
