import { isJson, jsonIn } from "./StoredObject.mjs";
// src/devcluster/Defaults.ts
/** Fills in fields that are absent. */
const filled = (defaults) => (value) => ({
	...defaults,
	...value
});
/** Applies a defaulter to a field that holds an object; an absent one stays absent. */
const within = (field, apply) => (value) => {
	const held = value[field];
	return isJson(held) ? {
		...value,
		[field]: apply(held)
	} : value;
};
/** Applies a defaulter to each element of a list. */
const each = (field, apply) => (value) => {
	const held = value[field];
	return Array.isArray(held) ? {
		...value,
		[field]: held.map((element) => isJson(element) ? apply(element) : element)
	} : value;
};
const all = (...steps) => (value) => steps.reduce((result, step) => step(result), value);
const fieldRef = within("fieldRef", filled({ apiVersion: "v1" }));
const probe = all(within("httpGet", filled({ scheme: "HTTP" })), filled({
	timeoutSeconds: 1,
	periodSeconds: 10,
	successThreshold: 1,
	failureThreshold: 3
}));
/** An image that may change under its name is pulled every time. */
const pullPolicy = (container) => {
	const image = String(container["image"]);
	return {
		imagePullPolicy: image.includes("@") || /:[^/]+$/u.test(image) && !image.endsWith(":latest") ? "IfNotPresent" : "Always",
		...container
	};
};
const container = all(each("ports", filled({ protocol: "TCP" })), each("env", within("valueFrom", fieldRef)), within("livenessProbe", probe), within("readinessProbe", probe), within("startupProbe", probe), filled({
	resources: {},
	terminationMessagePath: "/dev/termination-log",
	terminationMessagePolicy: "File"
}), pullPolicy);
const volume = all(within("secret", filled({ defaultMode: 420 })), within("configMap", filled({ defaultMode: 420 })), within("downwardAPI", all(each("items", fieldRef), filled({ defaultMode: 420 }))), within("projected", all(each("sources", all(within("downwardAPI", each("items", fieldRef)), within("serviceAccountToken", filled({ expirationSeconds: 3600 })))), filled({ defaultMode: 420 }))));
const podSpec = all(each("containers", container), each("initContainers", container), each("volumes", volume), filled({
	restartPolicy: "Always",
	terminationGracePeriodSeconds: 30,
	dnsPolicy: "ClusterFirst",
	securityContext: {},
	schedulerName: "default-scheduler"
}));
const serviceAccount = (spec) => {
	const name = spec["serviceAccountName"] ?? "default";
	return {
		...spec,
		serviceAccountName: name,
		serviceAccount: name
	};
};
const strategy = (spec) => {
	const given = jsonIn(spec, "strategy");
	if (given["type"] === "Recreate") return spec;
	const rollingUpdate = {
		maxUnavailable: "25%",
		maxSurge: "25%",
		...jsonIn(given, "rollingUpdate")
	};
	return {
		...spec,
		strategy: {
			type: "RollingUpdate",
			...given,
			rollingUpdate
		}
	};
};
const servicePort = (port) => ({
	protocol: "TCP",
	targetPort: port["port"],
	...port
});
const byKind = {
	Pod: all(podSpec, serviceAccount, filled({
		enableServiceLinks: true,
		preemptionPolicy: "PreemptLowerPriority"
	})),
	Deployment: all(within("template", within("spec", podSpec)), strategy, filled({
		replicas: 1,
		revisionHistoryLimit: 10,
		progressDeadlineSeconds: 600
	})),
	ReplicaSet: all(within("template", within("spec", podSpec)), filled({ replicas: 1 })),
	Service: all(each("ports", servicePort), filled({
		type: "ClusterIP",
		sessionAffinity: "None"
	})),
	HorizontalPodAutoscaler: filled({
		minReplicas: 1,
		metrics: [{
			type: "Resource",
			resource: {
				name: "cpu",
				target: {
					type: "Utilization",
					averageUtilization: 80
				}
			}
		}]
	})
};
/** Texts of a Secret become part of its data. */
const secret = ({ stringData, ...object }) => {
	const texts = Object.entries(isJson(stringData) ? stringData : {}).map(([name, text]) => [name, Buffer.from(String(text)).toString("base64")]);
	const data = {
		...jsonIn(object, "data"),
		...Object.fromEntries(texts)
	};
	return {
		type: "Opaque",
		...object,
		...Object.keys(data).length === 0 ? {} : { data }
	};
};
/**
* The object with the defaults that clients can tell from a server without them. Idempotent.
*/
const withDefaults = (kind, object) => {
	if (kind.kind === "Secret") return secret(object);
	const apply = byKind[kind.kind];
	return apply === void 0 ? object : within("spec", apply)(object);
};
/** The finalizer in the spec of a namespace that holds it until it is empty. */
const namespaceFinalizer = "kubernetes";
/** A new namespace as the server stores it: it goes only when the namespace controller has emptied it. */
const newNamespace = (object) => {
	const metadata = jsonIn(object, "metadata");
	const labels = {
		...jsonIn(metadata, "labels"),
		"kubernetes.io/metadata.name": metadata["name"]
	};
	return {
		...object,
		metadata: {
			...metadata,
			labels
		},
		spec: { finalizers: [namespaceFinalizer] }
	};
};
export { namespaceFinalizer, newNamespace, withDefaults };
