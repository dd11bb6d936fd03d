import { referencedObjects, versionSum } from "../../fission/ReferencedObjects.mjs";
import { ConfigMaps, Secrets } from "../../fission/ResourceKind.mjs";
import { critical, retry } from "../../kubernetes/RetryPolicy.mjs";
import { Effect } from "effect";
// src/executors/deployments/References.ts
/**
* Looks the versions up in the view, and live where it lacks one; what fails there is unknown, and fails
* (newdeploy-and-container.md section 11). Starts the watches of both kinds at the first reference.
*/
const referencedVersions = (api, view, fn, options) => Effect.gen(function* () {
	const { configMaps, secrets } = referencedObjects(fn);
	if (configMaps.length + secrets.length === 0) return {
		sum: 0n,
		missing: []
	};
	view.wantReferences();
	const versionOf = (kind, store, name) => {
		const known = store.get(view.namespace, name);
		if (known !== void 0) return Effect.succeed(known.metadata.resourceVersion ?? "");
		return api.get(kind, {
			namespace: view.namespace,
			name
		}, options).pipe(retry(critical), Effect.map(({ metadata }) => metadata.resourceVersion ?? ""), Effect.catchTag("KubernetesNotFound", () => Effect.succeed(void 0)));
	};
	const versionsOf = (kind, store, names) => Effect.forEach(names, (name) => Effect.map(versionOf(kind, store, name), (version) => ({
		name: `${kind.kind.toLowerCase()} ${name}`,
		version
	})));
	const found = [...yield* versionsOf(ConfigMaps, view.configMaps, configMaps), ...yield* versionsOf(Secrets, view.secrets, secrets)];
	return {
		sum: versionSum(found.map(({ version }) => version)),
		missing: found.filter(({ version }) => version === void 0).map(({ name }) => name)
	};
});
export { referencedVersions };
