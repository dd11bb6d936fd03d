import { ConfigMaps, Secrets } from "../Kinds.mjs";
import { jsonIn } from "../StoredObject.mjs";
import { Data, Effect } from "effect";
// src/devcluster/kubelet/ContainerConfig.ts
/** What a container needs is not there; the kubelet tries again later. */
var ConfigError = class extends Data.TaggedError("ConfigError") {};
/** The value of a downward API field. Fails with `ConfigError` for a field that is not known. */
const fieldOf = ({ address, nodeName, pod }, path) => {
	const { metadata, spec } = pod;
	const entry = /^metadata\.(labels|annotations)\['([^']+)'\]$/u.exec(path);
	if (entry !== null) {
		const map = entry[1] === "labels" ? metadata.labels : metadata.annotations;
		return Effect.succeed(map?.[entry[2] ?? ""] ?? "");
	}
	const value = {
		"metadata.name": metadata.name,
		"metadata.namespace": metadata.namespace ?? "",
		"metadata.uid": metadata.uid ?? "",
		"metadata.labels": linesOf(metadata.labels ?? {}),
		"metadata.annotations": linesOf(metadata.annotations ?? {}),
		"spec.nodeName": nodeName,
		"spec.serviceAccountName": spec.serviceAccountName ?? "",
		"status.podIP": address,
		"status.hostIP": "127.0.0.1"
	}[path];
	return value === void 0 ? Effect.fail(new ConfigError({ message: `the field ${path} is not supported by the embedded kubelet` })) : Effect.succeed(value);
};
const linesOf = (map) => Object.entries(map).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join("\n");
/** Reads each Secret and ConfigMap of a namespace at most once. */
const dataReader = (api, namespace) => Effect.sync(() => {
	const read = /* @__PURE__ */ new Map();
	return Effect.fnUntraced(function* (kind, name) {
		const key = `${kind}/${name}`;
		if (read.has(key)) return read.get(key);
		const object = yield* api.get(kind === "secret" ? Secrets : ConfigMaps, {
			namespace,
			name
		}).pipe(Effect.catchTag("KubernetesNotFound", () => Effect.succeed(void 0)));
		const data = object === void 0 ? void 0 : dataOf(kind, object);
		read.set(key, data);
		return data;
	});
});
const dataOf = (kind, object) => {
	const entries = (field, encoding) => Object.entries(jsonIn(object, field)).map(([key, value]) => [key, Buffer.from(String(value), encoding)]);
	return new Map([...entries("data", kind === "secret" ? "base64" : "utf8"), ...entries("binaryData", "base64")]);
};
/** The value of one variable, undefined when it is optional and absent. */
const valueOf = Effect.fnUntraced(function* (context, read, variable) {
	const { configMapKeyRef, fieldRef, secretKeyRef } = variable.valueFrom ?? {};
	if (fieldRef) return yield* fieldOf(context, fieldRef.fieldPath);
	const reference = secretKeyRef ?? configMapKeyRef;
	if (!reference) return variable.value ?? "";
	const kind = secretKeyRef ? "secret" : "configmap";
	const data = yield* read(kind, reference.name);
	const value = data?.get(reference.key);
	if (value !== void 0) return value.toString("utf8");
	if (reference.optional === true) return void 0;
	const namespace = context.pod.metadata.namespace ?? "";
	return yield* new ConfigError({ message: data === void 0 ? `${kind} "${reference.name}" not found` : `couldn't find key ${reference.key} in ${kind === "secret" ? "Secret" : "ConfigMap"} ${namespace}/${reference.name}` });
});
/** The environment of a container; a later variable of the same name wins. */
const environmentOf = Effect.fnUntraced(function* (context, read, variables) {
	const environment = {};
	for (const variable of variables) {
		const value = yield* valueOf(context, read, variable);
		if (value !== void 0) environment[variable.name] = value;
	}
	return environment;
});
export { ConfigError, dataReader, environmentOf, fieldOf };
