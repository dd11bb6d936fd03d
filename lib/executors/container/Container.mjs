import { Settings } from "../../Config.mjs";
import { keyOf } from "../../fission/ObjectMeta.mjs";
import { containerPort, containerTemplate } from "../../podspec/ContainerTemplate.mjs";
import { functionObjects } from "../../podspec/FunctionObjects.mjs";
import { PodSpecError } from "../../podspec/PodSpecError.mjs";
import { register } from "../deployments/DeploymentExecutor.mjs";
import { InstanceId } from "../InstanceId.mjs";
import { Effect, Layer, Result } from "effect";
// src/executors/container/Container.ts
/**
* The executor type `container`: a Deployment for each function, of the container that its own pod spec brings, without
* Environment and fetcher (newdeploy-and-container.md). Registers itself while the process is built.
*/
const layer = Layer.effectDiscard(Effect.gen(function* () {
	const settings = yield* Settings;
	const instance = yield* InstanceId;
	yield* register({
		name: "container",
		objects: Effect.fnUntraced(function* (_view, fn, { missing, sum }) {
			const unbuildable = (problems) => new PodSpecError({
				subject: `function ${keyOf(fn.metadata)}`,
				problems
			});
			const lacking = requiredObjects(fn).filter((object) => missing.includes(object));
			if (lacking.length > 0) return yield* unbuildable(lacking.map((object) => `${object} does not exist`));
			const given = {
				fn,
				template: yield* Effect.fromResult(Result.mapError(containerTemplate(fn, settings, sum), unbuildable)),
				port: containerPort(fn) ?? 0,
				instanceId: instance.value
			};
			return functionObjects("container", given, settings);
		})
	});
}));
/** A Function without sources of variables gets every object that it lists as one: those must be there (section 10). */
const requiredObjects = ({ spec }) => (spec.envFrom ?? []).length > 0 ? [] : [...(spec.configmaps ?? []).map(({ name }) => `configmap ${name}`), ...(spec.secrets ?? []).map(({ name }) => `secret ${name}`)];
export { layer };
