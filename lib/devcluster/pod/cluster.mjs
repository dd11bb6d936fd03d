import { isJson, textAt } from "./json.mjs";
import { exchange, isConnectionFailure, messageOf } from "./podProcess.mjs";
import { setTimeout } from "node:timers/promises";
// src/devcluster/pod/cluster.ts
/** Why an object could not be read; each class is repeated by a schedule of its own. */
var ClusterError = class extends Error {
	kind;
	constructor(kind, message) {
		super(message);
		this.kind = kind;
	}
};
/** Reads through the API server; each method is one request. */
const makeCluster = ({ pod, token, url }) => {
	const authorization = token === "" ? {} : { authorization: `Bearer ${token}` };
	const call = async (method, path, signal, body) => {
		const answer = await exchange(new URL(path, url), {
			method,
			signal,
			headers: {
				accept: "application/json",
				"content-type": "application/json",
				...authorization
			},
			...body === void 0 ? {} : { body: JSON.stringify(body) }
		}).catch((cause) => {
			throw new ClusterError(isConnectionFailure(cause) ? "Connection" : "Other", messageOf(cause));
		});
		const object = parsed(answer.body);
		if (answer.status >= 200 && answer.status < 300 && object !== void 0) return object;
		const said = textAt(object, "message") || answer.body.toString("utf8").slice(0, 500) || `HTTP ${answer.status}`;
		throw new ClusterError(answer.status === 404 ? "NotFound" : "Other", said);
	};
	const get = (group, plural) => (namespace, name, signal) => call("GET", `${group}/namespaces/${encodeURIComponent(namespace)}/${plural}/${encodeURIComponent(name)}`, signal);
	return {
		getPackage: get("/apis/fission.io/v1", "packages"),
		getSecret: get("/api/v1", "secrets"),
		getConfigMap: get("/api/v1", "configmaps"),
		emitEvent: async (reason, message, signal) => {
			const now = (/* @__PURE__ */ new Date()).toISOString().replace(/\.\d+Z$/u, "Z");
			await call("POST", `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/events`, signal, {
				apiVersion: "v1",
				kind: "Event",
				metadata: {
					generateName: `${pod.name}-`,
					namespace: pod.namespace
				},
				involvedObject: {
					apiVersion: "v1",
					kind: "Pod",
					namespace: pod.namespace,
					name: pod.name
				},
				type: "Normal",
				reason,
				message,
				source: { component: "fetcher" },
				count: 1,
				firstTimestamp: now,
				lastTimestamp: now
			});
		}
	};
};
const parsed = (body) => {
	try {
		const value = JSON.parse(body.toString("utf8"));
		return isJson(value) ? value : void 0;
	} catch {
		return;
	}
};
/** Pauses in milliseconds after each failure of a class; the class that runs out ends the attempt (section 5, step 1). */
const pauses = {
	NotFound: [
		10,
		20,
		40,
		80,
		100,
		100,
		100,
		100
	],
	Connection: [
		500,
		1e3,
		1500,
		2e3
	],
	Other: [
		50,
		100,
		200,
		400
	]
};
/** Repeats a read by the schedules of function-pod-protocol.md section 5, step 1. */
const withRetries = async (read, signal) => {
	const failures = {
		NotFound: 0,
		Connection: 0,
		Other: 0
	};
	while (true) try {
		return await read();
	} catch (cause) {
		const kind = cause instanceof ClusterError ? cause.kind : "Other";
		const pause = pauses[kind][failures[kind]++];
		if (pause === void 0) throw cause;
		await setTimeout(pause, void 0, { signal });
	}
};
export { ClusterError, makeCluster, withRetries };
