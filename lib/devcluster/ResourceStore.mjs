import { alreadyExists, conflict, expired, internalError, namespaceTerminating, notFound, otherUid } from "./Status.mjs";
import { born, graceOf, inSelection, isHeld, jsonIn, markedForDeletion, withMain, withNamespaceFinalizers, withStatus } from "./StoredObject.mjs";
import { isDeepStrictEqual } from "node:util";
// src/devcluster/ResourceStore.ts
/**
* The objects of the embedded cluster, with the rules that clients rely on: versions, preconditions, finalizers, grace,
* generation, the status subresource. Synchronous; refusals are thrown as `StatusError`.
*/
var ResourceStore = class {
	#options;
	#objects = /* @__PURE__ */ new Map();
	#history = [];
	#listeners = /* @__PURE__ */ new Set();
	/** Events that listeners have not been told of, because one of them made a write of its own. */
	#untold = [];
	#version = 1;
	#floor = 1;
	constructor(options) {
		this.#options = options;
	}
	/** The version of the latest write. */
	get version() {
		return this.#version;
	}
	/** The oldest version that a watch can resume from. */
	get floor() {
		return this.#floor;
	}
	/** What time it is for this store. */
	get now() {
		return this.#options.now;
	}
	has(kind, namespace, name) {
		return this.#collection(kind).has(keyOf(kind, namespace, name));
	}
	get(kind, namespace, name) {
		const object = this.#collection(kind).get(keyOf(kind, namespace, name));
		if (object === void 0) throw notFound(kind.plural, kind.group, name);
		return object;
	}
	/**
	* In the order of namespace and name, as etcd keeps them; as of now, or of a version from which on the history is
	* known.
	*/
	list(kind, selection, version = this.#version) {
		return [...this.#collectionAt(kind, version)].filter(([, object]) => inSelection(object, selection)).sort(([a], [b]) => a < b ? -1 : 1).map(([, object]) => object);
	}
	/** Stores what `admit` makes of the body once that has its name. */
	create(kind, namespace, body, admit = (named) => named) {
		const metadata = jsonIn(body, "metadata");
		const name = this.#nameOf(metadata);
		this.#requireNamespace(kind, namespace ?? "", name);
		if ((metadata["resourceVersion"] ?? "") !== "") throw internalError("resourceVersion should not be set on objects to be created");
		const admitted = admit({
			...body,
			metadata: {
				...metadata,
				name
			}
		});
		const held = this.#collection(kind).get(keyOf(kind, namespace, name));
		if (held !== void 0) throw alreadyExists(kind.plural, kind.group, name, held.metadata.deletionTimestamp !== void 0);
		const object = born(kind, admitted, {
			name,
			namespace: kind.namespaced ? namespace ?? "" : void 0,
			uid: this.#options.uid(),
			creationTimestamp: this.#timestamp(0)
		});
		return this.#write(kind, "ADDED", object, void 0);
	}
	/**
	* Replaces one part of an object. `metadata.uid` and `metadata.resourceVersion` of the wanted object are
	* preconditions; a write that changes nothing keeps the version.
	*/
	update(kind, namespace, name, part, change) {
		const current = this.get(kind, namespace, name);
		const wanted = change(current);
		const { resourceVersion, uid } = jsonIn(wanted, "metadata");
		if (typeof uid === "string" && uid !== "" && uid !== current.metadata.uid) throw conflict(kind.plural, kind.group, name, otherUid(kind, current.metadata, uid));
		if (typeof resourceVersion === "string" && resourceVersion !== "" && resourceVersion !== current.metadata.resourceVersion) {
			if (/^\d+$/u.test(resourceVersion)) throw conflict(kind.plural, kind.group, name);
			throw internalError(`strconv.ParseUint: parsing "${resourceVersion}": invalid syntax`);
		}
		const next = withPart(kind, part, current, wanted);
		if (isDeepStrictEqual(next, current)) return current;
		return next.metadata.deletionTimestamp !== void 0 && !isHeld(kind, next) ? this.#remove(kind, next) : this.#write(kind, "MODIFIED", next, current);
	}
	/**
	* Deletes, or marks for deletion where finalizers or a grace period hold the object back; returns its last form.
	* Idempotent while it is held.
	*/
	delete(kind, namespace, name, request) {
		const current = this.get(kind, namespace, name);
		const { uid, resourceVersion } = request;
		for (const [field, wanted, found, happened] of [[
			"UID",
			uid,
			current.metadata.uid,
			"deleted and then recreated"
		], [
			"ResourceVersion",
			resourceVersion,
			current.metadata.resourceVersion,
			"modified"
		]]) {
			if (wanted === void 0 || wanted === found) continue;
			throw conflict(kind.kind, kind.group, name, `the ${field} in the precondition (${wanted}) does not match the ${field} in record (${found}). The object might have been ${happened}`);
		}
		const grace = graceOf(kind, current, request.gracePeriodSeconds);
		const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = current.metadata;
		if (deletionTimestamp !== void 0 && deletionGracePeriodSeconds <= grace && isHeld(kind, current)) return current;
		const marked = markedForDeletion(kind, current, grace, this.#timestamp(grace));
		return isHeld(kind, marked) ? this.#write(kind, "MODIFIED", marked, current) : this.#remove(kind, current);
	}
	/** Events after a version. Throws 410 when they are no longer all known. */
	since(version) {
		if (version < this.#floor) throw expired(`too old resource version: ${version} (${this.#floor})`);
		return this.#history.filter((event) => event.version > version);
	}
	/**
	* Tells about every event from now on, in order, until the returned function is called: before the write returns,
	* unless a listener itself made it. A listener must not throw.
	*/
	subscribe(listener) {
		this.#listeners.add(listener);
		return () => void this.#listeners.delete(listener);
	}
	/** Forgets the history: every watch and every page from an older version than now answers 410. */
	compact() {
		this.#history.length = 0;
		this.#floor = this.#version;
	}
	#collectionAt(kind, version) {
		if (version >= this.#version) return this.#collection(kind);
		const objects = new Map(this.#collection(kind));
		for (const event of this.since(version).toReversed()) {
			if (event.kind !== kind) continue;
			const { name, namespace } = event.object.metadata;
			if (event.previous === void 0) objects.delete(keyOf(kind, namespace, name));
			else objects.set(keyOf(kind, namespace, name), event.previous);
		}
		return objects;
	}
	#collection(kind) {
		const id = `${kind.group}/${kind.plural}`;
		const known = this.#objects.get(id);
		if (known !== void 0) return known;
		const made = /* @__PURE__ */ new Map();
		this.#objects.set(id, made);
		return made;
	}
	/** Now, or some seconds later, as Kubernetes writes it. */
	#timestamp(secondsLater) {
		return new Date(this.#options.now().getTime() + secondsLater * 1e3).toISOString().replace(/\.\d+Z$/u, "Z");
	}
	/** Empty when the object brings neither a name nor a prefix. */
	#nameOf({ generateName, name }) {
		if (typeof name === "string" && name !== "") return name;
		return typeof generateName === "string" && generateName !== "" ? `${generateName}${this.#options.suffix()}` : "";
	}
	/** Throws where nothing can be created: 404 without such a namespace, 403 while it is being deleted. */
	#requireNamespace(kind, namespace, name) {
		if (!kind.namespaced) return;
		const found = this.#objects.get("/namespaces")?.get(`/${namespace}`);
		if (found === void 0) throw notFound("namespaces", "", namespace);
		if (found.metadata.deletionTimestamp !== void 0) throw namespaceTerminating(kind.plural, kind.group, name, namespace);
	}
	#write(kind, type, object, previous) {
		const stored = this.#versioned(object);
		this.#collection(kind).set(keyOf(kind, stored.metadata.namespace, stored.metadata.name), stored);
		this.#publish({
			kind,
			version: this.#version,
			type,
			object: stored,
			previous
		});
		return stored;
	}
	#remove(kind, object) {
		const key = keyOf(kind, object.metadata.namespace, object.metadata.name);
		const previous = this.#collection(kind).get(key);
		const last = this.#versioned(object);
		this.#collection(kind).delete(key);
		this.#publish({
			kind,
			version: this.#version,
			type: "DELETED",
			object: last,
			previous
		});
		return last;
	}
	#versioned(object) {
		this.#version++;
		return {
			...object,
			metadata: {
				...object.metadata,
				resourceVersion: String(this.#version)
			}
		};
	}
	#publish(event) {
		this.#history.push(event);
		while (this.#history.length > (this.#options.history ?? 5e3)) this.#floor = this.#history.shift()?.version ?? this.#floor;
		this.#untold.push(event);
		if (this.#untold.length > 1) return;
		for (let next = this.#untold[0]; next !== void 0; next = this.#untold[0]) {
			for (const listener of this.#listeners) listener(next);
			this.#untold.shift();
		}
	}
};
const withPart = (kind, part, current, wanted) => {
	switch (part) {
		case "main": return withMain(kind, current, wanted);
		case "status": return withStatus(current, wanted["status"]);
		case "finalize": return withNamespaceFinalizers(current, wanted);
	}
};
const keyOf = (kind, namespace, name) => `${kind.namespaced ? namespace ?? "" : ""}/${name}`;
export { ResourceStore, inSelection };
