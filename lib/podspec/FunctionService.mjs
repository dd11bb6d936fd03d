import { workloadNamespace } from "../Config.mjs";
import { functionServiceName } from "../fission/FunctionServiceName.mjs";
import { annotations, labels, ports } from "../fission/Labels.mjs";
import { listOf, objectOf } from "./Json.mjs";
import { isDeepStrictEqual } from "node:util";
// src/podspec/FunctionService.ts
/**
* The headless Service whose EndpointSlices show routers the pods that serve a function (poolmgr.md section 10). Pure: the
* same input gives the same object.
*/
const functionService = (fn, { generation, version }, settings, instanceId) => {
	const { name, uid } = fn.metadata;
	const space = fn.metadata.namespace ?? "";
	const namespace = workloadNamespace(settings, space);
	const ofVersion = version === "" ? {} : { [labels.functionVersion]: version };
	return {
		apiVersion: "v1",
		kind: "Service",
		metadata: {
			name: functionServiceName(fn.metadata, version),
			namespace,
			labels: {
				[labels.managedBy]: managedBy,
				[labels.executorType]: "poolmgr",
				[labels.functionName]: name,
				[labels.functionNamespace]: space,
				[labels.functionUid]: uid ?? "",
				...ofVersion
			},
			annotations: { [annotations.instanceId]: instanceId },
			...settings.disableOwnerReferences || namespace !== space ? {} : { ownerReferences: [ownerOf(fn)] }
		},
		spec: {
			clusterIP: "None",
			ports: [{
				protocol: "TCP",
				port: ports.runtime,
				targetPort: ports.runtime
			}],
			selector: {
				[labels.functionUid]: uid ?? "",
				[labels.functionGeneration]: String(generation),
				[labels.served]: "true",
				...ofVersion
			}
		}
	};
};
const managedBy = "fission";
const ownerOf = ({ metadata }) => ({
	apiVersion: "fission.io/v1",
	kind: "Function",
	name: metadata.name,
	uid: metadata.uid ?? "",
	controller: true,
	blockOwnerDeletion: true
});
/** Whether the Service is one that an executor made for a function of poolmgr. */
const isFunctionService = ({ metadata }) => metadata.labels?.[labels.managedBy] === managedBy && metadata.labels[labels.executorType] === "poolmgr";
/** Which pods a Service leads to; generation 0 where its selector names none. */
const servedBy = ({ metadata, spec }) => ({
	version: metadata.labels?.[labels.functionVersion] ?? "",
	generation: generationIn(spec.selector)
});
/**
* The Service as we want it, on top of what is there: fields unknown to us survive, and so does a higher generation, since
* only a view that lags behind asks for a lower one (W24). Gives the very object that it got where nothing differs: who
* wrote it is no difference.
*
* @param held as it is stored, or as the view shows it
*/
const updatedService = (held, desired) => {
	const { metadata } = held;
	const spec = objectOf(held["spec"]);
	const generation = Math.max(generationIn(spec["selector"]), generationIn(desired.spec.selector));
	const wanted = {
		...held,
		metadata: {
			...metadata,
			labels: {
				...metadata.labels,
				...desired.metadata.labels
			},
			...owned(held, desired)
		},
		spec: {
			...spec,
			selector: {
				...desired.spec.selector,
				[labels.functionGeneration]: String(generation)
			},
			...leadsToRuntime(spec) ? {} : { ports: desired.spec["ports"] }
		}
	};
	if (isDeepStrictEqual(wanted, held)) return held;
	return {
		...wanted,
		metadata: {
			...wanted.metadata,
			annotations: {
				...metadata.annotations,
				...desired.metadata.annotations
			}
		}
	};
};
const generationIn = (selector) => {
	const generation = Number(objectOf(selector)[labels.functionGeneration]);
	return Number.isSafeInteger(generation) ? generation : 0;
};
/** The owners, where ours has to join them. */
const owned = ({ metadata }, desired) => {
	const held = metadata.ownerReferences ?? [];
	const missing = (desired.metadata.ownerReferences ?? []).filter(({ uid }) => held.every((owner) => owner.uid !== uid));
	return missing.length === 0 ? {} : { ownerReferences: [...held, ...missing] };
};
const leadsToRuntime = (spec) => {
	const [first, ...others] = listOf(spec["ports"]);
	if (first === void 0 || others.length > 0) return false;
	return first["port"] === ports.runtime && (first["targetPort"] ?? ports.runtime) === ports.runtime;
};
export { functionService, isFunctionService, servedBy, updatedService };
