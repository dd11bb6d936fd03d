import { gracePeriodSeconds } from "../fission/Environment.mjs";
import { fetcherTokenVolume, preStopSleep, sharedMounts, sharedVolumes, withToken } from "./FetcherContainer.mjs";
import { duplicatesOf, isUnset, listOf, objectOf } from "./Json.mjs";
import { mergeContainer } from "./MergeContainer.mjs";
import { mergePodSpec } from "./MergePodSpec.mjs";
import { withoutTokenMounts } from "./TokenMounts.mjs";
import { Result } from "effect";
// src/podspec/EnvironmentPodSpec.ts
/**
* The pod spec of an Environment with the containers given (poolmgr.md section 6.6, newdeploy-and-container.md section 6).
* A patch of the operator that does not go together with this Environment is left out and named among what is ignored.
* Fails with every conflict, a sentence each.
*/
const environmentPodSpec = (environment, settings, parts) => Result.orElse(assemble(environment, settings, parts, settings.podSpecPatch), (problems) => Result.map(assemble(environment, settings, parts, {}), (built) => ({
	...built,
	ignored: [`the operator's patch, because ${problems.join("; ")}`, ...built.ignored]
})));
/** Assembles the pod spec in the order that poolmgr.md section 6.6 lays down. */
const assemble = (environment, settings, parts, patch) => Result.gen(function* () {
	const { imagepullsecret, runtime } = environment.spec;
	const overlay = objectOf(runtime.podspec);
	const grace = graceOf(overlay) ?? graceOf(patch) ?? gracePeriodSeconds(environment);
	const container = withoutTokenMounts(objectOf(runtime.container));
	const main = yield* mergeContainer({
		...runtimeContainer(environment, settings, grace),
		...parts.runtime
	}, container.container);
	const patched = yield* mergePodSpec({
		serviceAccountName: "fission-fetcher",
		automountServiceAccountToken: false,
		terminationGracePeriodSeconds: gracePeriodSeconds(environment),
		volumes: [fetcherTokenVolume],
		containers: [main]
	}, patch);
	const complete = yield* withFetcher(withPullSecret(patched.podSpec, imagepullsecret ?? ""), main, parts.fetcher(grace));
	const { ignored, podSpec } = yield* mergePodSpec(complete, overlay);
	const containers = listOf(podSpec["containers"]);
	yield* checked(containers, main);
	return {
		mainContainer: String(main["name"]),
		podSpec: {
			...podSpec,
			containers: containers.map((held) => held["name"] === "fetcher" ? withToken(held) : held)
		},
		ignored: [
			...patched.ignored.map((path) => `the operator's patch: ${path}`),
			...container.ignored.map((path) => `spec.runtime.container.${path}`),
			...ignored.map((path) => `spec.runtime.podspec.${path}`)
		]
	};
});
/** The grace that a pod spec sets, if it sets one. */
const graceOf = (podSpec) => {
	const seconds = podSpec["terminationGracePeriodSeconds"];
	return typeof seconds === "number" ? seconds : void 0;
};
/** The runtime container before any overlay (poolmgr.md section 6.3). */
const runtimeContainer = (environment, settings, graceSeconds) => ({
	name: environment.metadata.name,
	image: environment.spec.runtime.image ?? "",
	imagePullPolicy: settings.runtimeImagePullPolicy,
	terminationMessagePath: "/dev/termination-log",
	...preStopSleep(graceSeconds)
});
/** The Environment's pull secret besides those of the operator, which the stock executor discards for it (W31). */
const withPullSecret = (podSpec, name) => {
	const held = listOf(podSpec["imagePullSecrets"]);
	return name === "" || held.some((secret) => secret["name"] === name) ? podSpec : {
		...podSpec,
		imagePullSecrets: [...held, { name }]
	};
};
/** The pod with its fetcher, and the volumes that it shares with the runtime, whatever the runtime's name (W30). */
const withFetcher = (podSpec, main, fetcher) => Result.gen(function* () {
	const containers = listOf(podSpec["containers"]);
	const shared = yield* Result.all(containers.map((held) => held["name"] === main["name"] ? mergeContainer(held, { volumeMounts: sharedMounts }) : Result.succeed(held)));
	return {
		...podSpec,
		volumes: [...listOf(podSpec["volumes"]), ...sharedVolumes],
		containers: [...shared, fetcher]
	};
});
/** What an API server would refuse in words that do not lead back to the Environment. */
const checked = (containers, main) => {
	const runtime = containers.find(({ name }) => name === main["name"]);
	const problems = [...isUnset(runtime?.["image"]) ? ["it has no runtime image (spec.runtime.image)"] : [], ...duplicatesOf(containers.map(({ name }) => String(name))).map((name) => `two containers are named "${name}"`)];
	return problems.length === 0 ? Result.succeed(void 0) : Result.fail(problems);
};
export { environmentPodSpec };
