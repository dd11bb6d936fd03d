import { numberIn, parseJson, parseObject, parseOptions, parsePatch } from "./ApiRequest.mjs";
import { decodeProblem, otherKindProblem } from "./Decoding.mjs";
import { newNamespace, withDefaults } from "./Defaults.mjs";
import { listPage } from "./ListPage.mjs";
import { mergePatch, strategicMergePatch } from "./MergePatch.mjs";
import { scaleOf, withScale } from "./Scale.mjs";
import { subresourcesOf } from "./ServedKinds.mjs";
import { badRequest, conflict, deleted, invalid, methodNotAllowed, noSuchPath, notImplemented, otherCustomKind, otherNamespace, otherUid, success, undecodablePatch, unknownFormat, unsupportedMediaType } from "./Status.mjs";
import { apiVersionOf, jsonIn } from "./StoredObject.mjs";
import { asObject, requireIdentity, requireVersion, validCreate, validUpdate } from "./Validation.mjs";
// src/devcluster/ApiVerbs.ts
const ok = (body) => ({
	status: 200,
	body
});
/** Does what a call asks for. Refusals are thrown as `StatusError`: 501 for what a real server would do. */
const perform = (store, call) => {
	const { path, query } = call;
	const name = path.name ?? "";
	if (query.has("dryRun")) throw notImplemented("dryRun");
	requireVerb(call);
	switch (call.verb) {
		case "get": {
			const object = store.get(path.kind, path.namespace, name);
			return ok(path.subresource === "scale" ? scaleOf(object) : call.projection.object(object));
		}
		case "list": return ok(listPage(store, path, query, call.projection));
		case "create":
			requireJson(call.contentType);
			return path.subresource === "binding" ? bind(store, call) : create(store, call, parseObject(call.body, path.kind));
		case "update":
			requireJson(call.contentType);
			return madeByUpdate(store, path) ? createAt(store, call) : change(store, call);
		case "patch": return change(store, call);
		case "delete": return remove(store, call);
		default: throw notImplemented(`the verb ${call.verb}`);
	}
};
/** Commands of kubectl that make objects without a file send them as protobuf. */
const requireJson = (contentType) => {
	if (!["", "application/json"].includes(contentType.split(";")[0]?.trim() ?? "")) throw unknownFormat("application/json");
};
/** Subresources that a real server has besides. */
const missing = /* @__PURE__ */ new Set([
	"pods/attach",
	"pods/ephemeralcontainers",
	"pods/eviction",
	"pods/exec",
	"pods/portforward",
	"pods/proxy",
	"pods/resize",
	"nodes/proxy",
	"serviceaccounts/token",
	"services/proxy"
]);
/** Throws a `StatusError` for a verb that the path does not have. */
const requireVerb = ({ path, verb }) => {
	const { kind, name, namespace, subresource } = path;
	const whole = `${kind.plural}/${subresource}`;
	if (missing.has(whole)) throw notImplemented(`the subresource ${whole}`);
	const verbs = subresource === void 0 ? name === void 0 ? collectionVerbs : objectVerbs : subresourcesOf(kind)[subresource];
	const isEverywhere = kind.namespaced && namespace === void 0;
	if (verbs === void 0 || isEverywhere && name !== void 0) throw noSuchPath();
	if (!verbs.includes(verb) || isEverywhere && verb !== "list") throw methodNotAllowed();
};
const collectionVerbs = [
	"list",
	"create",
	"deletecollection"
];
const objectVerbs = [
	"get",
	"update",
	"patch",
	"delete"
];
/** Kinds whose objects an update makes where there are none. */
const updateMakes = /* @__PURE__ */ new Set([
	"Lease",
	"Service",
	"Event"
]);
const madeByUpdate = (store, { kind, name = "", namespace, subresource }) => subresource === void 0 && updateMakes.has(kind.kind) && !store.has(kind, namespace, name);
/** Its version does not matter; a UID says that there was an object, which is a conflict then. */
const createAt = (store, call) => {
	const { kind, name = "", namespace } = call.path;
	const given = parseObject(call.body, kind);
	const { resourceVersion: _, ...metadata } = jsonIn(given, "metadata");
	requireIdentity(name, namespace, metadata);
	const { uid } = metadata;
	if (typeof uid === "string" && uid !== "") {
		const none = {
			name,
			uid: "",
			...namespace === void 0 ? {} : { namespace }
		};
		throw conflict(kind.plural, kind.group, name, otherUid(kind, none, uid));
	}
	return create(store, call, {
		...given,
		metadata
	});
};
const create = (store, { path, projection, query }, given) => {
	const { kind, namespace } = path;
	const { namespace: own } = jsonIn(given, "metadata");
	if (typeof own === "string" && own !== "" && own !== namespace) throw otherNamespace();
	const created = store.create(kind, namespace, given, (named) => {
		const object = withDefaults(kind, kind.kind === "Namespace" ? newNamespace(named) : named);
		return validCreate(kind, object, unknownFieldsOf(query));
	});
	return {
		status: 201,
		body: projection.object(created)
	};
};
/** An update or a patch, of the object or of one of its subresources. */
const change = (store, call) => {
	const { kind, name = "", namespace, subresource } = call.path;
	const part = subresource === "status" || subresource === "finalize" ? subresource : "main";
	const wantedOf = subresource === "scale" ? scaleChange(call) : objectChange(call);
	const changed = store.update(kind, namespace, name, part, (current) => {
		const wanted = onlyPart(kind, part, current, wantedOf(current));
		return validUpdate(kind, current, withDefaults(kind, wanted), unknownFieldsOf(call.query));
	});
	return ok(subresource === "scale" ? scaleOf(changed) : call.projection.object(changed));
};
/** Without the change of what is none of this part's business; `metadata` stays for its preconditions. */
const onlyPart = (kind, part, current, wanted) => {
	if (part === "status") return {
		...current,
		metadata: wanted["metadata"],
		status: wanted["status"]
	};
	if (part === "finalize") return {
		...current,
		metadata: wanted["metadata"],
		spec: wanted["spec"]
	};
	return kind.status ? {
		...wanted,
		status: current["status"]
	} : wanted;
};
const unknownFieldsOf = (query) => query.get("fieldValidation") === "Strict" ? "refuse" : "drop";
const objectChange = (call) => {
	const { kind, subresource } = call.path;
	if (call.verb === "update") {
		const object = parseObject(call.body, kind);
		return (current) => {
			const { uid } = jsonIn(object, "metadata");
			if (typeof uid !== "string" || uid === current.metadata.uid) requireVersion(kind, current.metadata.name, object);
			return object;
		};
	}
	const merge = patchFunction(call.contentType, kind.group);
	const patch = parsePatch(call.body);
	return (current) => {
		const patched = patchedObject(kind, asObject(merge(current, patch)));
		return ofThisObject(kind, subresource === "status", current, patched);
	};
};
/** Throws a 422 `StatusError` when a patch makes something of an object that is none of its kind. */
const patchedObject = (kind, patched) => {
	const { apiVersion, kind: given } = patched;
	const expected = apiVersionOf(kind);
	if (kind.group === "fission.io") {
		if (given !== kind.kind) throw otherCustomKind(kind, patched, "kind", kind.kind);
		if (apiVersion !== expected) throw otherCustomKind(kind, patched, "apiVersion", expected);
	}
	const problem = given !== kind.kind || apiVersion !== expected ? otherKindProblem(kind, String(given), String(apiVersion)) : decodeProblem(kind, patched);
	if (problem !== void 0) throw undecodablePatch(patched, problem);
	return patched;
};
/**
* A patch that names another UID would change an immutable field, which is a 422 `StatusError` and no conflict; a stale
* version goes before that. In the status of a custom resource a UID means nothing.
*/
const ofThisObject = (kind, isStatus, current, patched) => {
	const metadata = jsonIn(patched, "metadata");
	const { resourceVersion, uid } = metadata;
	if (uid === void 0 || uid === current.metadata.uid) return patched;
	if (!(!(isStatus && kind.group === "fission.io") && resourceVersion === current.metadata.resourceVersion)) return {
		...patched,
		metadata: {
			...metadata,
			uid: current.metadata.uid
		}
	};
	const problem = `Invalid value: ${JSON.stringify(uid)}: field is immutable`;
	throw invalid(kind, current.metadata.name, "metadata.uid", problem);
};
const scaleChange = (call) => {
	const { kind } = call.path;
	if (call.verb === "update") {
		const given = parseJson(call.body);
		return (current) => withScale(kind, current, given);
	}
	const merge = patchFunction(call.contentType, kind.group);
	const patch = parsePatch(call.body);
	return (current) => withScale(kind, current, asObject(merge(scaleOf(current), patch)));
};
const patchFunction = (contentType, group) => {
	switch (contentType.split(";")[0]?.trim()) {
		case "application/merge-patch+json": return mergePatch;
		case "application/strategic-merge-patch+json":
			if (group !== "fission.io") return strategicMergePatch;
			throw unknownFormat("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml");
		case "application/json-patch+json":
		case "application/apply-patch+yaml": throw notImplemented(`patches of type ${contentType}`);
	}
	throw unsupportedMediaType();
};
const remove = (store, { body, path, query }) => {
	const { kind, name = "", namespace } = path;
	const last = store.delete(kind, namespace, name, deleteRequest(body.length === 0 ? {} : parseOptions(body), query));
	const isHeld = last.metadata.deletionTimestamp !== void 0;
	return ok(isHeld || kind.kind === "Pod" ? last : deleted(kind, name, last.metadata.uid));
};
const deleteRequest = (options, query) => {
	const policy = options["propagationPolicy"] ?? query.get("propagationPolicy") ?? "Background";
	if (["Foreground", "Orphan"].includes(String(policy)) || options["orphanDependents"] === true) throw notImplemented("deletes that wait for dependents or orphan them");
	if (policy !== "Background") {
		const problem = `Unsupported value: ${JSON.stringify(policy)}: supported values: "Foreground", "Background", "Orphan", "nil"`;
		throw invalid({
			kind: "DeleteOptions",
			group: "meta.k8s.io"
		}, "", "propagationPolicy", problem, "FieldValueNotSupported");
	}
	const { resourceVersion, uid } = jsonIn(options, "preconditions");
	const text = (value) => typeof value === "string" ? value : void 0;
	const grace = options["gracePeriodSeconds"];
	return {
		uid: text(uid),
		resourceVersion: text(resourceVersion),
		gracePeriodSeconds: typeof grace === "number" ? grace : numberIn(query, "gracePeriodSeconds")
	};
};
/** Gives a Pod its node; a Pod that has one keeps it and the answer is a conflict. */
const bind = (store, { body, path }) => {
	const { kind, name = "", namespace } = path;
	const binding = parseJson(body);
	if (jsonIn(binding, "metadata")["name"] !== name) throw badRequest("name in URL does not match name in Binding object");
	const nodeName = jsonIn(binding, "target")["name"];
	if (typeof nodeName !== "string" || nodeName === "") throw badRequest("target.name is required");
	store.update(kind, namespace, name, "main", (current) => {
		const spec = jsonIn(current, "spec");
		const assigned = spec["nodeName"];
		if (assigned !== void 0 || current.metadata.deletionTimestamp !== void 0) {
			const why = assigned === void 0 ? `pod ${name} is being deleted` : `pod ${name} is already assigned to node "${String(assigned)}"`;
			throw conflict("pods/binding", kind.group, name, why);
		}
		return {
			...current,
			spec: {
				...spec,
				nodeName
			}
		};
	});
	return {
		status: 201,
		body: success
	};
};
export { perform };
