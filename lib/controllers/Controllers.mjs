import { labels } from "../fission/Labels.mjs";
import { Supervisor } from "../namespaces/Supervisor.mjs";
import { ExecutorTypes, environmentWork, functionVersionWork, functionWork } from "../executors/ExecutorType.mjs";
import { AbsentOwners } from "./AbsentOwners.mjs";
import { make } from "./EnvironmentController.mjs";
import { make as make$1 } from "./FunctionController.mjs";
import { make as make$2 } from "./FunctionVersionController.mjs";
import { Duration, Effect, Layer, Random } from "effect";
// src/controllers/Controllers.ts
/** Time between two looks for objects whose owner is in no view, before jitter (lifecycle.md section 6.2). */
const orphanInterval = Duration.minutes(10);
/** Runs every namespace's cell with the controllers and the handlers of all executor types, until the scope closes. */
const layer = Layer.effectDiscard(Effect.gen(function* () {
	const supervisor = yield* Supervisor;
	yield* Effect.forkScoped(supervisor.run(yield* handlers));
}));
const handlers = Effect.gen(function* () {
	const types = yield* ExecutorTypes;
	const absentOwners = yield* AbsentOwners;
	const supervisor = yield* Supervisor;
	const onOwnChange = (view, { change, kind }) => {
		const { name, uid = "" } = change.object.metadata;
		switch (kind) {
			case "functions":
			case "functionVersions":
			case "environments": {
				const owner = {
					kind: ownerKinds[kind],
					namespace: view.namespace,
					name,
					uid: uid ?? ""
				};
				if (change.type === "Delete") absentOwners.suspect(owner, change.evidence);
				return [{
					handler: workOf[kind],
					name
				}];
			}
			case "deployments": return environmentKey(change.object);
			default: return [];
		}
	};
	/** Raises a suspicion about every owner that the view does not show. */
	const lookForOrphans = (view) => {
		const cell = supervisor.cell(view.namespace);
		for (const owner of types.all().flatMap((type) => [...type.owners(view)])) {
			const kind = owner.kind === "Function" ? "functions" : "environments";
			if (view[kind].get(view.namespace, owner.name)?.metadata.uid === owner.uid) continue;
			absentOwners.suspect(owner, "List");
			cell?.enqueue({
				handler: workOf[kind],
				name: owner.name
			});
		}
	};
	return {
		onChange: (view, change) => [...onOwnChange(view, change), ...types.all().flatMap((type) => type.onChange(view, change))],
		work: {
			...Object.assign({}, ...types.all().map((type) => type.work)),
			[functionWork]: yield* make$1,
			[functionVersionWork]: yield* make$2,
			[environmentWork]: yield* make
		},
		workWithoutLease: Object.assign({}, ...types.all().map((type) => type.workWithoutLease)),
		loops: [...passesOf(types.all()).map(([interval, together]) => (view) => {
			const reap = Effect.suspend(() => Effect.forEach(together, (type) => type.reapIdle(view), { discard: true }));
			const tapAll = Effect.sync(() => together.forEach((type) => type.tapAll(view)));
			return Effect.andThen(tapAll, every(interval, reap));
		}), (view) => every(orphanInterval, Effect.sync(() => lookForOrphans(view)))]
	};
});
/** The types that look for idle capacity equally often, which they do one after the other. */
const passesOf = (types) => {
	const passes = /* @__PURE__ */ new Map();
	for (const type of types) {
		const millis = Duration.toMillis(type.reapEvery);
		passes.set(millis, [...passes.get(millis) ?? [], type]);
	}
	return [...passes].map(([millis, together]) => [Duration.millis(millis), together]);
};
const ownerKinds = {
	functions: "Function",
	functionVersions: "FunctionVersion",
	environments: "Environment"
};
const workOf = {
	functions: functionWork,
	functionVersions: functionVersionWork,
	environments: environmentWork
};
/** The work of the Environment whose pool a Deployment is. */
const environmentKey = ({ metadata }) => {
	const { [labels.executorType]: type, [labels.environmentName]: name = "" } = metadata.labels ?? {};
	return type !== "poolmgr" || name === "" ? [] : [{
		handler: environmentWork,
		name
	}];
};
/** Runs at once and then again and again, with ±10 % of jitter in between (lifecycle.md section 11.4 item 8). */
const every = (interval, self) => Effect.forever(Effect.andThen(self, Effect.flatMap(Random.next, (random) => Effect.sleep(Duration.times(interval, .9 + .2 * random)))));
export { layer };
