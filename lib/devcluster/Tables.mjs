import { definitionOf } from "./CustomResources.mjs";
import { humanDuration } from "./HumanDuration.mjs";
import { isJson, jsonIn } from "./StoredObject.mjs";
// src/devcluster/Tables.ts
const column = (name, cell, type = "string") => ({
	name,
	type,
	wide: false,
	cell
});
const wide = (name, cell) => ({
	name,
	type: "string",
	wide: true,
	cell
});
const since = (timestamp, now) => {
	const at = typeof timestamp === "string" ? Date.parse(timestamp) : NaN;
	return Number.isNaN(at) ? "<unknown>" : humanDuration(Math.max(0, now.getTime() - at));
};
const age = column("Age", (object, now) => since(object.metadata.creationTimestamp, now));
const spec = (object) => jsonIn(object, "spec");
const status = (object) => jsonIn(object, "status");
const elements = (object, field) => {
	const list = object[field];
	return Array.isArray(list) ? list.filter(isJson) : [];
};
const count = (value) => typeof value === "number" ? value : 0;
const orNone = (text) => text === "" ? "<none>" : text;
const pairs = (object) => orNone(Object.entries(object).map(([name, value]) => `${name}=${String(value)}`).join(","));
const containers = (object, field) => elements(jsonIn(jsonIn(spec(object), "template"), "spec"), "containers").map((container) => String(container[field])).join(",");
const template = [
	wide("Containers", (object) => containers(object, "name")),
	wide("Images", (object) => containers(object, "image")),
	wide("Selector", (object) => pairs(jsonIn(jsonIn(spec(object), "selector"), "matchLabels")))
];
/** What a pod does, in one word. */
const podState = (pod) => {
	if (pod.metadata.deletionTimestamp !== void 0) return "Terminating";
	return elements(status(pod), "containerStatuses").flatMap((container) => {
		const { terminated, waiting } = jsonIn(container, "state");
		const reason = [waiting, terminated].find(isJson)?.["reason"];
		return typeof reason === "string" ? [reason] : [];
	}).at(-1) ?? String(status(pod)["reason"] ?? status(pod)["phase"]);
};
const ports = (service) => orNone(elements(spec(service), "ports").map(({ port, protocol }) => `${String(port)}/${String(protocol)}`).join(","));
const byKind = {
	Pod: [
		column("Ready", (pod) => {
			return `${elements(status(pod), "containerStatuses").filter((container) => container["ready"] === true).length}/${elements(spec(pod), "containers").length}`;
		}),
		column("Status", podState),
		column("Restarts", (pod) => String(elements(status(pod), "containerStatuses").reduce((sum, one) => sum + count(one["restartCount"]), 0))),
		age,
		wide("IP", (pod) => status(pod)["podIP"] ?? "<none>"),
		wide("Node", (pod) => spec(pod)["nodeName"] ?? "<none>"),
		wide("Nominated Node", (pod) => status(pod)["nominatedNodeName"] ?? "<none>"),
		wide("Readiness Gates", () => "<none>")
	],
	Deployment: [
		column("Ready", (object) => `${count(status(object)["readyReplicas"])}/${count(spec(object)["replicas"])}`),
		column("Up-to-date", (object) => count(status(object)["updatedReplicas"]), "integer"),
		column("Available", (object) => count(status(object)["availableReplicas"]), "integer"),
		age,
		...template
	],
	ReplicaSet: [
		column("Desired", (object) => count(spec(object)["replicas"]), "integer"),
		column("Current", (object) => count(status(object)["replicas"]), "integer"),
		column("Ready", (object) => count(status(object)["readyReplicas"]), "integer"),
		age,
		...template
	],
	Service: [
		column("Type", (service) => spec(service)["type"]),
		column("Cluster-IP", (service) => spec(service)["clusterIP"] ?? "<none>"),
		column("External-IP", () => "<none>"),
		column("Port(s)", ports),
		age,
		wide("Selector", (service) => pairs(jsonIn(spec(service), "selector")))
	],
	ConfigMap: [column("Data", (object) => Object.keys(jsonIn(object, "data")).length), age],
	Secret: [
		column("Type", (secret) => secret["type"]),
		column("Data", (secret) => Object.keys(jsonIn(secret, "data")).length),
		age
	],
	Namespace: [column("Status", (namespace) => status(namespace)["phase"]), age],
	Event: [
		column("Last Seen", (event, now) => since(event["lastTimestamp"] ?? event.metadata.creationTimestamp, now)),
		column("Type", (event) => event["type"]),
		column("Reason", (event) => event["reason"]),
		column("Object", (event) => {
			const { kind, name } = jsonIn(event, "involvedObject");
			return `${String(kind).toLowerCase()}/${String(name)}`;
		}),
		column("Message", (event) => event["message"])
	],
	Lease: [column("Holder", (lease) => spec(lease)["holderIdentity"]), age]
};
/** A column that a CustomResourceDefinition declares; paths of fields, and of the condition of one type. */
const declared = ({ jsonPath, name, type }) => {
	const steps = [...jsonPath.matchAll(/\.([\w-]+)(?:\[\?\(@\.type=="(\w+)"\)\])?/gu)];
	const cell = (object, now) => {
		const found = steps.reduce((value, [, field = "", condition]) => {
			if (!isJson(value)) return void 0;
			return condition === void 0 ? value[field] : elements(value, field).find((one) => one["type"] === condition);
		}, object);
		return type === "date" && found !== void 0 ? since(found, now) : found;
	};
	return column(name, cell, type);
};
const columnsOf = (kind) => {
	const own = definitionOf(kind)?.columns ?? [];
	const others = byKind[kind.kind] ?? (own.length === 0 ? [age] : own.map(declared));
	return kind.kind === "Event" ? others : [column("Name", (object) => object.metadata.name), ...others];
};
/** Objects as `kubectl get` asks for them: rows that the server has laid out, each with the metadata of its object. */
const tableOf = (kind, objects, metadata, now) => {
	const columns = columnsOf(kind);
	return {
		kind: "Table",
		apiVersion: "meta.k8s.io/v1",
		metadata,
		columnDefinitions: columns.map(({ name, type, wide }) => ({
			name,
			type,
			format: name === "Name" ? "name" : "",
			description: "",
			priority: wide ? 1 : 0
		})),
		rows: objects.map((object) => ({
			cells: columns.map(({ cell }) => cell(object, now) ?? null),
			object: {
				kind: "PartialObjectMetadata",
				apiVersion: "meta.k8s.io/v1",
				metadata: object.metadata
			}
		}))
	};
};
export { tableOf };
