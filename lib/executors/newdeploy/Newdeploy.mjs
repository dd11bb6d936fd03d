import { Settings } from "../../Config.mjs";
import { ports } from "../../fission/Labels.mjs";
import { keyOf } from "../../fission/ObjectMeta.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { functionObjects } from "../../podspec/FunctionObjects.mjs";
import { newdeployTemplate } from "../../podspec/NewdeployTemplate.mjs";
import { PodSpecError } from "../../podspec/PodSpecError.mjs";
import { register } from "../deployments/DeploymentExecutor.mjs";
import { functionEnvironment } from "../FunctionEnvironment.mjs";
import { InstanceId } from "../InstanceId.mjs";
import { Effect, Layer, Result } from "effect";
// src/executors/newdeploy/Newdeploy.ts
/**
* The executor type `newdeploy`: a Deployment for each function, of its Environment's runtime and a fetcher that loads the
* function when a pod starts (newdeploy-and-container.md). Registers itself while the process is built.
*/
const layer = Layer.effectDiscard(Effect.gen(function* () {
	const api = yield* KubernetesApi;
	const settings = yield* Settings;
	const instance = yield* InstanceId;
	yield* register({
		name: "newdeploy",
		objects: Effect.fnUntraced(function* (view, fn, { sum }) {
			const environment = yield* functionEnvironment(api, view, fn);
			const given = {
				fn,
				environment,
				template: yield* Effect.fromResult(Result.mapError(newdeployTemplate(fn, environment, settings, sum), (problems) => new PodSpecError({
					subject: `function ${keyOf(fn.metadata)}`,
					problems
				}))),
				port: ports.runtime,
				instanceId: instance.value
			};
			return functionObjects("newdeploy", given, settings);
		})
	});
}));
export { layer };
