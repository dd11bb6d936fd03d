import { Environments, Functions, Packages } from "../../fission/ResourceKind.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { Effect } from "effect";
// src/cli/demo/Functions.ts
/** Source of every function of the tour: answers with its own name. */
const source = (name) => `module.exports = async () => ({ status: 200, body: ${JSON.stringify(`${name}\n`)} })\n`;
/** Creates the Environment of a namespace, with warm pods for two cold starts at a time. */
const createEnvironment = Effect.fnUntraced(function* (namespace) {
	yield* (yield* KubernetesApi).create(Environments, {
		metadata: {
			namespace,
			name: "nodejs"
		},
		spec: {
			version: 3,
			poolsize: 2,
			terminationGracePeriod: 1,
			runtime: { image: "ghcr.io/fission/node-env-22" }
		}
	});
});
/** Creates a function and the Package with its code, as `fission function create` does. */
const createFunction = Effect.fnUntraced(function* (namespace, name) {
	const api = yield* KubernetesApi;
	const environment = {
		namespace,
		name: "nodejs"
	};
	const made = yield* api.create(Packages, {
		metadata: {
			namespace,
			name: `${name}-package`
		},
		spec: {
			environment,
			deployment: {
				type: "literal",
				literal: Buffer.from(source(`${namespace}/${name}`)).toString("base64")
			}
		}
	});
	yield* api.patch(Packages, {
		namespace,
		name: made.metadata.name
	}, {
		type: "merge",
		subresource: "status",
		body: { status: { buildstatus: "none" } }
	});
	yield* api.create(Functions, {
		metadata: {
			namespace,
			name
		},
		spec: {
			environment,
			package: { packageref: {
				namespace,
				name: made.metadata.name
			} },
			InvokeStrategy: {
				StrategyType: "execution",
				ExecutionStrategy: {
					ExecutorType: "poolmgr",
					SpecializationTimeout: 120
				}
			},
			functionTimeout: 60,
			concurrency: 2,
			requestsPerPod: 10
		}
	});
});
export { createEnvironment, createFunction };
