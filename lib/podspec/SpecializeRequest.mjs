import { canonical } from "../fission/Canonical.mjs";
import { isInfinite } from "../fission/Environment.mjs";
import { objectOf } from "./Json.mjs";
// src/podspec/SpecializeRequest.ts
/**
* The body of the fetcher's `/specialize` (function-pod-protocol.md section 4.1). Of the Function's metadata only what a
* runtime may need is sent, so that annotations neither leak nor outgrow its body limit (P09).
*/
const specializeRequest = (environment, fn) => {
	const { metadata, spec } = fn;
	const reference = spec.package?.packageref;
	const filename = fileName(environment, fn);
	const keyspace = spec.state && !isInfinite(environment) ? spec.state.keyspace || metadata.name : void 0;
	return {
		FetchReq: {
			fetchType: 1,
			package: {
				name: reference?.name ?? "",
				namespace: reference?.namespace || metadata.namespace || "",
				...reference?.resourceversion ? { resourceVersion: reference.resourceversion } : {}
			},
			url: "",
			storagesvcurl: "",
			filename,
			secretList: mounts(spec.secrets),
			configMapList: mounts(spec.configmaps),
			keeparchive: environment.spec.keeparchive ?? false
		},
		LoadReq: {
			filepath: `/userfunc/${filename}`,
			functionName: spec.package?.functionName ?? "",
			url: "",
			FunctionMetadata: {
				name: metadata.name,
				namespace: metadata.namespace ?? "",
				...metadata.uid ? { uid: metadata.uid } : {},
				...metadata.resourceVersion ? { resourceVersion: metadata.resourceVersion } : {},
				...metadata.generation ? { generation: metadata.generation } : {},
				...metadata.labels ? { labels: metadata.labels } : {}
			},
			envVersion: environment.spec.version,
			...keyspace === void 0 ? {} : { stateKeyspace: keyspace }
		}
	};
};
/**
* The same for a pod that loads its function by itself when it starts. What every write of the Function moves is not in
* it, so that no such write rolls a Deployment (newdeploy-and-container.md section 7).
*/
const startupRequest = (environment, fn) => {
	const request = specializeRequest(environment, fn);
	const { annotations, generation, labels, name, namespace, uid } = fn.metadata;
	const meant = Object.entries(annotations ?? {}).filter(([key]) => !key.startsWith("kubectl.kubernetes.io/"));
	const metadata = {
		annotations: Object.fromEntries(meant),
		generation,
		labels,
		name,
		namespace,
		uid
	};
	return {
		...request,
		LoadReq: {
			...objectOf(request["LoadReq"]),
			FunctionMetadata: canonical(metadata)
		}
	};
};
const fileName = (environment, fn) => {
	if (environment.spec.version < 2) return "user";
	return isInfinite(environment) ? fn.metadata.uid ?? "" : "deployarchive";
};
const mounts = (references) => references === void 0 || references === null ? null : references.map(({ mountPath, name, namespace }) => ({
	namespace,
	name,
	...mountPath ? { mountPath } : {}
}));
export { specializeRequest, startupRequest };
