import { annotations, labels } from "../fission/Labels.mjs";
import { runtimeFingerprint } from "../fission/RuntimeHash.mjs";
import { poolLabels } from "./PodTemplate.mjs";
// src/podspec/PodPatches.ts
/** UID and resourceVersion make a patch fail if anybody else touched the pod since we looked (W03). */
const guardOf = ({ metadata: { resourceVersion, uid } }) => ({
	uid,
	resourceVersion
});
const claimAnnotations = ({ environment, instanceId }) => ({
	...environment.metadata.annotations,
	[annotations.instanceId]: instanceId,
	[annotations.runtimeFingerprint]: runtimeFingerprint(environment)
});
const claimLabels = ({ environment }) => ({
	...poolLabels(environment),
	[labels.managed]: "false"
});
const functionLabels = (fn) => {
	const version = fn.metadata.labels?.[labels.functionVersion];
	return {
		[labels.functionName]: fn.metadata.name,
		[labels.functionNamespace]: fn.metadata.namespace ?? "",
		[labels.functionUid]: fn.metadata.uid ?? "",
		[labels.functionGeneration]: String(fn.metadata.generation ?? 0),
		...version === void 0 ? {} : { [labels.functionVersion]: version }
	};
};
/** The strategic merge patch that takes a warm pod out of its pool for one function (poolmgr.md section 7.4). Guarded. */
const claimPatch = (options) => ({ metadata: {
	...guardOf(options.pod),
	annotations: claimAnnotations(options),
	labels: {
		...claimLabels(options),
		...functionLabels(options.fn)
	}
} });
/** The same for the reserve, without a function yet (poolmgr.md section 22.2). */
const reservePatch = (options) => ({ metadata: {
	...guardOf(options.pod),
	annotations: {
		...claimAnnotations(options),
		[annotations.safeToEvict]: "true"
	},
	labels: {
		...claimLabels(options),
		[labels.claimed]: "true"
	}
} });
/** What an orderly shutdown writes onto a pod of its reserve that it never handed out (poolmgr.md section 22.2). */
const releasePatch = (pod) => ({ metadata: {
	...guardOf(pod),
	labels: { [labels.claimed]: "released" }
} });
/**
* The patch after a successful specialization: the pod serves, and carries all that a restarted executor needs to hand
* it out again (poolmgr.md section 8 step 11, section 15).
*/
const servedPatch = (pod, address, functionResourceVersion) => ({ metadata: {
	uid: pod.metadata.uid,
	annotations: {
		[annotations.serviceHost]: address,
		[annotations.functionResourceVersion]: functionResourceVersion
	},
	labels: { [labels.served]: "true" }
} });
/** All of that, and the function, for a pod from the reserve: afterwards it is like any other pod of the function. */
const finalPatch = (pod, address, fn) => ({ metadata: {
	...guardOf(pod),
	annotations: {
		[annotations.serviceHost]: address,
		[annotations.functionResourceVersion]: fn.metadata.resourceVersion ?? "",
		[annotations.safeToEvict]: null
	},
	labels: {
		...functionLabels(fn),
		[labels.served]: "true",
		[labels.claimed]: null
	}
} });
/** The patch that takes a pod out of service before it is deleted (poolmgr.md section 14.1). */
const drainPatch = (podUid, since) => ({ metadata: {
	uid: podUid,
	annotations: { [annotations.drainingSince]: since },
	labels: { [labels.served]: null }
} });
export { claimPatch, drainPatch, finalPatch, releasePatch, reservePatch, servedPatch };
