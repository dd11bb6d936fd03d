import { isDeepStrictEqual } from "node:util";
// src/devcluster/StoredObject.ts
/** Whether an object belongs to a selection. */
const inSelection = (object, selection) => (selection.namespace === void 0 || object.metadata.namespace === selection.namespace) && selection.matches(object);
/** Whether a value is a JSON object. */
const isJson = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** The field when it is an object, else an empty one. */
const jsonIn = (object, field) => {
	const value = object[field];
	return isJson(value) ? value : {};
};
/** The texts of a field that holds labels or annotations. */
const textsIn = (object, field) => Object.fromEntries(Object.entries(jsonIn(object, field)).flatMap(([name, value]) => typeof value === "string" ? [[name, value]] : []));
/** `group/version`, or the version alone for the core group. */
const apiVersionOf = (kind) => kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
/** A new object: custom resources lose the status they came with, because that is a subresource. */
const born = (kind, body, birth) => {
	const { status, ...rest } = body;
	const kept = kind.status ? initialStatus(kind, status) : status;
	return {
		...rest,
		apiVersion: apiVersionOf(kind),
		kind: kind.kind,
		metadata: {
			...givenIn(jsonIn(body, "metadata")),
			name: birth.name,
			...birth.namespace === void 0 ? {} : { namespace: birth.namespace },
			uid: birth.uid,
			resourceVersion: "",
			...kind.generation ? { generation: 1 } : {},
			creationTimestamp: birth.creationTimestamp
		},
		...kept === void 0 ? {} : { status: kept }
	};
};
const initialStatus = (kind, given) => {
	if (kind.kind === "Pod") return {
		phase: "Pending",
		...isJson(given) ? given : {}
	};
	if (kind.kind === "Namespace") return { phase: "Active" };
	return kind.group === "fission.io" ? void 0 : given;
};
/** The object with another status. */
const withStatus = (current, status) => status === void 0 ? current : {
	...current,
	status
};
/** The object with everything but its status replaced; a change outside metadata makes a new generation. */
const withMain = (kind, current, wanted) => {
	const { status, metadata: _, ...body } = wanted;
	const kept = kind.status ? current["status"] : status;
	const next = {
		...body,
		...kind.kind === "Namespace" ? { spec: current["spec"] } : {},
		apiVersion: current.apiVersion,
		kind: current.kind,
		metadata: {
			...givenIn(jsonIn(wanted, "metadata")),
			...serverOwned(current.metadata)
		},
		...kept === void 0 ? {} : { status: kept }
	};
	const { generation } = current.metadata;
	return generation === void 0 || isDeepStrictEqual(specOf(next), specOf(current)) ? next : {
		...next,
		metadata: {
			...next.metadata,
			generation: generation + 1
		}
	};
};
/** Everything but metadata and status: what a generation counts. */
const specOf = (object) => ({
	...object,
	metadata: void 0,
	status: void 0
});
/** Fields of the metadata that a server does not store when there is nothing in them. */
const collections = /* @__PURE__ */ new Set([
	"labels",
	"annotations",
	"finalizers",
	"ownerReferences"
]);
/** Fields of the metadata that only the server sets. */
const timeline = /* @__PURE__ */ new Set([
	"generation",
	"creationTimestamp",
	"deletionTimestamp",
	"deletionGracePeriodSeconds"
]);
/** What a client says in the metadata. */
const givenIn = (metadata) => Object.fromEntries(Object.entries(metadata).filter(([field, value]) => !timeline.has(field) && (!collections.has(field) || Object.keys(Object(value ?? {})).length > 0)));
/** Fields of the metadata that a client cannot change. */
const serverOwned = (meta) => ({
	name: meta.name,
	uid: meta.uid,
	resourceVersion: meta.resourceVersion,
	creationTimestamp: meta.creationTimestamp,
	...meta.namespace === void 0 ? {} : { namespace: meta.namespace },
	...meta.generation === void 0 ? {} : { generation: meta.generation },
	...meta.deletionTimestamp === void 0 ? {} : { deletionTimestamp: meta.deletionTimestamp },
	...meta.deletionGracePeriodSeconds === void 0 ? {} : { deletionGracePeriodSeconds: meta.deletionGracePeriodSeconds }
});
/** Seconds that a delete leaves the object: a Pod's grace once it is bound and until it has ended, else none. */
const graceOf = (kind, object, requested) => {
	if (kind.kind !== "Pod") return 0;
	const spec = jsonIn(object, "spec");
	const ended = ["Succeeded", "Failed"].includes(String(jsonIn(object, "status")["phase"]));
	if (typeof spec["nodeName"] !== "string" || ended) return 0;
	if (requested !== void 0) return Math.max(0, requested);
	const own = spec["terminationGracePeriodSeconds"];
	return typeof own === "number" ? own : 30;
};
/**
* Whether something holds an object that is being deleted: finalizers, the kubelet that has not stopped a Pod yet, or the
* controller that has not emptied a namespace.
*/
const isHeld = (kind, object) => {
	const { deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
	if (finalizers.length > 0) return true;
	if (kind.kind === "Pod") return deletionGracePeriodSeconds > 0;
	return kind.kind === "Namespace" && namespaceFinalizersOf(object).length > 0;
};
/** What holds a namespace until it is empty. */
const namespaceFinalizersOf = (namespace) => {
	const { finalizers } = jsonIn(namespace, "spec");
	return Array.isArray(finalizers) ? finalizers : [];
};
/** The namespace with the finalizers of another in its spec. */
const withNamespaceFinalizers = (current, wanted) => ({
	...current,
	spec: {
		...jsonIn(current, "spec"),
		finalizers: namespaceFinalizersOf(wanted)
	}
});
/** The object marked for deletion. */
const markedForDeletion = (kind, current, grace, deletionTimestamp) => ({
	...current,
	metadata: {
		...current.metadata,
		deletionTimestamp,
		deletionGracePeriodSeconds: grace,
		...current.metadata.generation === void 0 ? {} : { generation: current.metadata.generation + 1 }
	},
	...kind.kind === "Namespace" ? { status: { phase: "Terminating" } } : {}
});
export { apiVersionOf, born, graceOf, inSelection, isHeld, isJson, jsonIn, markedForDeletion, textsIn, withMain, withNamespaceFinalizers, withStatus };
