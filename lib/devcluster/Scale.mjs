import { conflict, invalid, otherUidOf, undecodablePatch } from "./Status.mjs";
import { jsonIn } from "./StoredObject.mjs";
// src/devcluster/Scale.ts
/** The subresource `scale` of a Deployment or ReplicaSet. */
const scaleOf = (object) => {
	const { creationTimestamp, name, namespace, resourceVersion, uid } = object.metadata;
	const selector = jsonIn(jsonIn(jsonIn(object, "spec"), "selector"), "matchLabels");
	return {
		kind: "Scale",
		apiVersion: "autoscaling/v1",
		metadata: {
			name,
			namespace,
			uid,
			resourceVersion,
			creationTimestamp
		},
		spec: { replicas: jsonIn(object, "spec")["replicas"] ?? 0 },
		status: {
			replicas: jsonIn(object, "status")["replicas"] ?? 0,
			selector: Object.entries(selector).map(([label, value]) => `${label}=${String(value)}`).join(",")
		}
	};
};
/**
* The object with the replicas of a Scale, whose name, UID and version are preconditions. Throws a `StatusError`: 409 for
* another UID, 422 for replicas that cannot be.
*/
const withScale = (kind, object, scale) => {
	const { replicas = 0 } = jsonIn(scale, "spec");
	const { name, resourceVersion, uid } = jsonIn(scale, "metadata");
	if (typeof uid === "string" && uid !== object.metadata.uid) throw conflict(`${kind.plural}/scale`, kind.group, object.metadata.name, otherUidOf(object.metadata, uid));
	if (typeof replicas !== "number" || !Number.isInteger(replicas)) throw undecodablePatch(scale, `json: cannot unmarshal ${typeof replicas} into Go struct field ScaleSpec.spec.replicas of type int32`);
	if (replicas < 0) {
		const problem = `Invalid value: ${replicas}: must be greater than or equal to 0`;
		throw invalid({
			kind: "Scale",
			group: "autoscaling"
		}, object.metadata.name, "spec.replicas", problem);
	}
	return {
		...object,
		metadata: {
			...object.metadata,
			name,
			...resourceVersion === void 0 ? {} : { resourceVersion }
		},
		spec: {
			...jsonIn(object, "spec"),
			replicas
		}
	};
};
export { scaleOf, withScale };
