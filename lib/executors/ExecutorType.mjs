import { Context, Layer } from "effect";
// src/executors/ExecutorType.ts
/** Names of the work that brings one Function, version of one, or Environment to where its objects belong. */
const functionWork = "function";
const functionVersionWork = "functionVersion";
const environmentWork = "environment";
/** The executor types of this process; layers add theirs while the process is built, add-ons before anybody else. */
var ExecutorTypes = class ExecutorTypes extends Context.Service()("fission-executor/executors/ExecutorTypes") {
	static layer = Layer.sync(ExecutorTypes, () => {
		const types = /* @__PURE__ */ new Map();
		return ExecutorTypes.of({
			register: (type) => {
				if (!types.has(type.name)) types.set(type.name, type);
			},
			get: (name) => types.get(name),
			all: () => [...types.values()]
		});
	});
};
export { ExecutorTypes, environmentWork, functionVersionWork, functionWork };
