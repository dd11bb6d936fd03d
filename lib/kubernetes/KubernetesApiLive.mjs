import { TimeoutError, isWrite } from "../Errors.mjs";
import { apiVersionOf } from "../fission/ResourceKind.mjs";
import { KubernetesApi, KubernetesDeletion, isObject } from "./KubernetesApi.mjs";
import { make } from "./Transport.mjs";
import { pullEvents } from "./WatchLines.mjs";
import { Context, Duration, Effect, Layer, Stream } from "effect";
// src/kubernetes/KubernetesApiLive.ts
const patchTypes = {
	merge: "application/merge-patch+json",
	strategic: "application/strategic-merge-patch+json"
};
/** Both doors to the API server that the configuration names. Fails only if the configuration cannot be used. */
const layer = (source, userAgent) => Layer.effectContext(Effect.map(make(source, userAgent), (transport) => Context.make(KubernetesApi, makeApi(transport)).pipe(Context.add(KubernetesDeletion, makeDeletion(transport)))));
const pathOf = (kind, namespace, name, subresource) => {
	const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
	const scope = kind.namespaced && (namespace ?? "") !== "" ? `/namespaces/${encodeURIComponent(namespace ?? "")}` : "";
	const object = name === void 0 ? "" : `/${encodeURIComponent(name)}`;
	return `${root}${scope}/${kind.plural}${object}${subresource === void 0 ? "" : `/${subresource}`}`;
};
const callOf = (verb, kind, where, subresource) => ({
	verb,
	resource: subresource === void 0 ? kind.plural : `${kind.plural}/${subresource}`,
	namespace: where.namespace ?? void 0,
	name: where.name
});
const acceptOf = (kind, list) => kind.metadataOnly ? `application/json;as=PartialObjectMetadata${list ? "List" : ""};g=meta.k8s.io;v=v1` : "application/json";
const notAnObject = (call) => new TimeoutError({
	...call,
	kind: "Unavailable",
	detail: "the answer is no Kubernetes object; is this an API server?",
	outcomeUnknown: isWrite(call)
});
const makeApi = (transport) => {
	const object = (what, kind, options) => {
		return Effect.flatMap(transport.call({
			...what,
			accept: acceptOf(kind, false)
		}, options), ({ json }) => isObject(json) ? Effect.succeed(json) : Effect.fail(notAnObject(what.call)));
	};
	const list = Effect.fnUntraced(function* (kind, options) {
		const call = callOf("list", kind, options);
		const { json, bytes } = yield* transport.call({
			call,
			method: "GET",
			path: pathOf(kind, options.namespace),
			query: {
				labelSelector: options.labelSelector,
				fieldSelector: options.fieldSelector,
				limit: options.limit?.toString(),
				continue: options.continue,
				resourceVersion: options.resourceVersion,
				resourceVersionMatch: options.resourceVersionMatch
			},
			accept: acceptOf(kind, true)
		}, options);
		const items = isObject(json) ? json["items"] ?? [] : void 0;
		if (!isObject(json) || !Array.isArray(items)) return yield* notAnObject(call);
		const token = "continue" in json.metadata ? json.metadata.continue : void 0;
		return {
			resourceVersion: json.metadata.resourceVersion ?? "",
			continue: typeof token === "string" && token !== "" ? token : void 0,
			items: items.filter(isObject).map((item) => ({
				apiVersion: apiVersionOf(kind),
				kind: kind.kind,
				...item
			})),
			bytes
		};
	});
	const watch = (kind, options) => {
		const call = callOf("watch", kind, options);
		return Stream.unwrap(Effect.map(transport.open({
			call,
			method: "GET",
			path: pathOf(kind, options.namespace),
			query: {
				watch: "true",
				allowWatchBookmarks: "true",
				resourceVersion: options.resourceVersion,
				timeoutSeconds: String(Math.ceil(Duration.toSeconds(Duration.fromInputUnsafe(options.timeout)))),
				labelSelector: options.labelSelector,
				fieldSelector: options.fieldSelector
			},
			accept: acceptOf(kind, false)
		}, Duration.fromInputUnsafe(options.silence)), ({ chunks }) => Stream.fromPull(Effect.as(options.opened ?? Effect.void, pullEvents(call, chunks)))));
	};
	return {
		get: (kind, reference, options) => object({
			call: callOf("get", kind, reference),
			method: "GET",
			path: pathOf(kind, reference.namespace, reference.name),
			query: {}
		}, kind, options),
		list,
		watch,
		create: (kind, created, options) => object({
			call: callOf("create", kind, created.metadata),
			method: "POST",
			path: pathOf(kind, created.metadata.namespace),
			query: {},
			body: {
				apiVersion: apiVersionOf(kind),
				kind: kind.kind,
				...created
			}
		}, kind, options),
		update: (kind, updated, options) => object({
			call: callOf("update", kind, updated.metadata, options?.subresource),
			method: "PUT",
			path: pathOf(kind, updated.metadata.namespace, updated.metadata.name, options?.subresource),
			query: {},
			body: {
				apiVersion: apiVersionOf(kind),
				kind: kind.kind,
				...updated
			}
		}, kind, options),
		patch: (kind, reference, patch, options) => object({
			call: callOf("patch", kind, reference, patch.subresource),
			method: "PATCH",
			path: pathOf(kind, reference.namespace, reference.name, patch.subresource),
			query: {},
			contentType: patchTypes[patch.type],
			body: patch.body,
			withoutLease: options?.withoutLease === true
		}, kind, options)
	};
};
const makeDeletion = (transport) => ({ delete: (kind, reference, options) => Effect.asVoid(transport.call({
	call: callOf("delete", kind, reference),
	method: "DELETE",
	path: pathOf(kind, reference.namespace, reference.name),
	query: {},
	accept: "application/json",
	body: {
		apiVersion: "v1",
		kind: "DeleteOptions",
		preconditions: {
			uid: options.uid,
			resourceVersion: options.resourceVersion
		},
		propagationPolicy: options.propagationPolicy,
		gracePeriodSeconds: options.gracePeriodSeconds
	}
}, options)) });
export { layer };
