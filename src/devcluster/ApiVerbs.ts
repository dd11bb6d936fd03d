import { numberIn, parseJson, parseObject, parseOptions, parsePatch, type ResourcePath } from "./ApiRequest.ts"
import { decodeProblem, otherKindProblem } from "./Decoding.ts"
import { newNamespace, withDefaults } from "./Defaults.ts"
import { listPage } from "./ListPage.ts"
import { mergePatch, strategicMergePatch } from "./MergePatch.ts"
import type { Projection } from "./Projection.ts"
import type { DeleteRequest, Part, ResourceStore, StoredObject } from "./ResourceStore.ts"
import { scaleOf, withScale } from "./Scale.ts"
import { type ServedKind, subresourcesOf } from "./ServedKinds.ts"
import * as Status from "./Status.ts"
import { apiVersionOf, jsonIn } from "./StoredObject.ts"
import {
  asObject,
  requireIdentity,
  requireVersion,
  type UnknownFields,
  validCreate,
  validUpdate
} from "./Validation.ts"

/** A request whose body has been read. */
export interface ApiCall {
  readonly verb: string
  readonly path: ResourcePath
  readonly query: URLSearchParams
  readonly contentType: string
  readonly projection: Projection
  readonly body: Buffer
}

/** What is answered to a call that succeeds. */
export interface ApiAnswer {
  readonly status: number
  readonly body: Status.Json
}

const ok = (body: Status.Json): ApiAnswer => ({ status: 200, body })

/** Does what a call asks for. Refusals are thrown as `StatusError`: 501 for what a real server would do. */
export const perform = (store: ResourceStore, call: ApiCall): ApiAnswer => {
  const { path, query } = call
  const name = path.name ?? ""
  if (query.has("dryRun")) throw Status.notImplemented("dryRun")
  requireVerb(call)

  switch (call.verb) {
    case "get": {
      const object = store.get(path.kind, path.namespace, name)
      return ok(path.subresource === "scale" ? scaleOf(object) : call.projection.object(object))
    }
    case "list":
      return ok(listPage(store, path, query, call.projection))
    case "create":
      requireJson(call.contentType)
      return path.subresource === "binding" ? bind(store, call) : create(store, call, parseObject(call.body, path.kind))
    case "update":
      requireJson(call.contentType)
      return madeByUpdate(store, path) ? createAt(store, call) : change(store, call)
    case "patch":
      return change(store, call)
    case "delete":
      return remove(store, call)
    default:
      throw Status.notImplemented(`the verb ${call.verb}`)
  }
}

/** Commands of kubectl that make objects without a file send them as protobuf. */
const requireJson = (contentType: string): void => {
  if (!["", "application/json"].includes(contentType.split(";")[0]?.trim() ?? "")) {
    throw Status.unknownFormat("application/json")
  }
}

/** Subresources that a real server has besides. */
const missing = new Set([
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
])

/** Throws a `StatusError` for a verb that the path does not have. */
const requireVerb = ({ path, verb }: ApiCall): void => {
  const { kind, name, namespace, subresource } = path
  const whole = `${kind.plural}/${subresource}`
  if (missing.has(whole)) throw Status.notImplemented(`the subresource ${whole}`)
  const ofWhole = name === undefined ? collectionVerbs : objectVerbs
  const verbs = subresource === undefined ? ofWhole : subresourcesOf(kind)[subresource]
  const isEverywhere = kind.namespaced && namespace === undefined
  if (verbs === undefined || (isEverywhere && name !== undefined)) throw Status.noSuchPath()
  if (!verbs.includes(verb) || (isEverywhere && verb !== "list")) throw Status.methodNotAllowed()
}

const collectionVerbs = ["list", "create", "deletecollection"]
const objectVerbs = ["get", "update", "patch", "delete"]

/** Kinds whose objects an update makes where there are none. */
const updateMakes = new Set(["Lease", "Service", "Event"])

const madeByUpdate = (store: ResourceStore, { kind, name = "", namespace, subresource }: ResourcePath): boolean =>
  subresource === undefined && updateMakes.has(kind.kind) && !store.has(kind, namespace, name)

/** Its version does not matter; a UID says that there was an object, which is a conflict then. */
const createAt = (store: ResourceStore, call: ApiCall): ApiAnswer => {
  const { kind, name = "", namespace } = call.path
  const given = parseObject(call.body, kind)
  const { resourceVersion: _, ...metadata } = jsonIn(given, "metadata")
  requireIdentity(name, namespace, metadata)
  const { uid } = metadata
  if (typeof uid === "string" && uid !== "") {
    const none = { name, uid: "", ...(namespace === undefined ? {} : { namespace }) }
    throw Status.conflict(kind.plural, kind.group, name, Status.otherUid(kind, none, uid))
  }
  return create(store, call, { ...given, metadata })
}

const create = (store: ResourceStore, { path, projection, query }: ApiCall, given: Status.Json): ApiAnswer => {
  const { kind, namespace } = path
  const { namespace: own } = jsonIn(given, "metadata")
  if (typeof own === "string" && own !== "" && own !== namespace) throw Status.otherNamespace()
  const created = store.create(kind, namespace, given, (named) => {
    const object = withDefaults(kind, kind.kind === "Namespace" ? newNamespace(named) : named)
    return validCreate(kind, object, unknownFieldsOf(query))
  })
  return { status: 201, body: projection.object(created) }
}

/** An update or a patch, of the object or of one of its subresources. */
const change = (store: ResourceStore, call: ApiCall): ApiAnswer => {
  const { kind, name = "", namespace, subresource } = call.path
  const part: Part = subresource === "status" || subresource === "finalize" ? subresource : "main"
  const wantedOf = subresource === "scale" ? scaleChange(call) : objectChange(call)
  const changed = store.update(kind, namespace, name, part, (current) => {
    const wanted = onlyPart(kind, part, current, wantedOf(current))
    return validUpdate(kind, current, withDefaults(kind, wanted), unknownFieldsOf(call.query))
  })
  return ok(subresource === "scale" ? scaleOf(changed) : call.projection.object(changed))
}

/** Without the change of what is none of this part's business; `metadata` stays for its preconditions. */
const onlyPart = (kind: ServedKind, part: Part, current: StoredObject, wanted: Status.Json): Status.Json => {
  if (part === "status") return { ...current, metadata: wanted["metadata"], status: wanted["status"] }
  if (part === "finalize") return { ...current, metadata: wanted["metadata"], spec: wanted["spec"] }
  return kind.status ? { ...wanted, status: current["status"] } : wanted
}

const unknownFieldsOf = (query: URLSearchParams): UnknownFields =>
  query.get("fieldValidation") === "Strict" ? "refuse" : "drop"

const objectChange = (call: ApiCall): ((current: StoredObject) => Status.Json) => {
  const { kind, subresource } = call.path
  if (call.verb === "update") {
    const object = parseObject(call.body, kind)
    return (current) => {
      const { uid } = jsonIn(object, "metadata")
      // Another UID is told of first, by the store.
      if (typeof uid !== "string" || uid === current.metadata.uid) requireVersion(kind, current.metadata.name, object)
      return object
    }
  }
  const merge = patchFunction(call.contentType, kind.group)
  const patch = parsePatch(call.body)
  return (current) => {
    const patched = patchedObject(kind, asObject(merge(current, patch)))
    return ofThisObject(kind, subresource === "status", current, patched)
  }
}

/** Throws a 422 `StatusError` when a patch makes something of an object that is none of its kind. */
const patchedObject = (kind: ServedKind, patched: Status.Json): Status.Json => {
  const { apiVersion, kind: given } = patched
  const expected = apiVersionOf(kind)
  if (kind.group === "fission.io") {
    if (given !== kind.kind) throw Status.otherCustomKind(kind, patched, "kind", kind.kind)
    if (apiVersion !== expected) throw Status.otherCustomKind(kind, patched, "apiVersion", expected)
  }
  const isOther = given !== kind.kind || apiVersion !== expected
  const problem = isOther ? otherKindProblem(kind, String(given), String(apiVersion)) : decodeProblem(kind, patched)
  if (problem !== undefined) throw Status.undecodablePatch(patched, problem)
  return patched
}

/**
 * A patch that names another UID would change an immutable field, which is a 422 `StatusError` and no conflict; a stale
 * version goes before that. In the status of a custom resource a UID means nothing.
 */
const ofThisObject = (
  kind: ServedKind,
  isStatus: boolean,
  current: StoredObject,
  patched: Status.Json
): Status.Json => {
  const metadata = jsonIn(patched, "metadata")
  const { resourceVersion, uid } = metadata
  if (uid === undefined || uid === current.metadata.uid) return patched
  const means = !(isStatus && kind.group === "fission.io") && resourceVersion === current.metadata.resourceVersion
  if (!means) return { ...patched, metadata: { ...metadata, uid: current.metadata.uid } }
  const problem = `Invalid value: ${JSON.stringify(uid)}: field is immutable`
  throw Status.invalid(kind, current.metadata.name, "metadata.uid", problem)
}

const scaleChange = (call: ApiCall): ((current: StoredObject) => Status.Json) => {
  const { kind } = call.path
  if (call.verb === "update") {
    const given = parseJson(call.body)
    return (current) => withScale(kind, current, given)
  }
  const merge = patchFunction(call.contentType, kind.group)
  const patch = parsePatch(call.body)
  return (current) => withScale(kind, current, asObject(merge(scaleOf(current), patch)))
}

const patchFunction = (contentType: string, group: string): ((target: unknown, patch: unknown) => unknown) => {
  switch (contentType.split(";")[0]?.trim()) {
    case "application/merge-patch+json":
      return mergePatch
    case "application/strategic-merge-patch+json":
      if (group !== "fission.io") return strategicMergePatch
      throw Status.unknownFormat(
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/apply-patch+yaml"
      )
    case "application/json-patch+json":
    case "application/apply-patch+yaml":
      throw Status.notImplemented(`patches of type ${contentType}`)
  }
  throw Status.unsupportedMediaType()
}

const remove = (store: ResourceStore, { body, path, query }: ApiCall): ApiAnswer => {
  const { kind, name = "", namespace } = path
  const last = store.delete(kind, namespace, name, deleteRequest(body.length === 0 ? {} : parseOptions(body), query))
  const isHeld = last.metadata.deletionTimestamp !== undefined
  return ok(isHeld || kind.kind === "Pod" ? last : Status.deleted(kind, name, last.metadata.uid))
}

const deleteRequest = (options: Status.Json, query: URLSearchParams): DeleteRequest => {
  const policy = options["propagationPolicy"] ?? query.get("propagationPolicy") ?? "Background"
  if (["Foreground", "Orphan"].includes(String(policy)) || options["orphanDependents"] === true) {
    throw Status.notImplemented("deletes that wait for dependents or orphan them")
  }
  if (policy !== "Background") {
    const problem = `Unsupported value: ${JSON.stringify(policy)}: supported values: "Foreground", "Background", "Orphan", "nil"`
    const subject = { kind: "DeleteOptions", group: "meta.k8s.io" }
    throw Status.invalid(subject, "", "propagationPolicy", problem, "FieldValueNotSupported")
  }
  const { resourceVersion, uid } = jsonIn(options, "preconditions")
  const text = (value: unknown) => (typeof value === "string" ? value : undefined)
  const grace = options["gracePeriodSeconds"]
  return {
    uid: text(uid),
    resourceVersion: text(resourceVersion),
    gracePeriodSeconds: typeof grace === "number" ? grace : numberIn(query, "gracePeriodSeconds")
  }
}

/** Gives a Pod its node; a Pod that has one keeps it and the answer is a conflict. */
const bind = (store: ResourceStore, { body, path }: ApiCall): ApiAnswer => {
  const { kind, name = "", namespace } = path
  const binding = parseJson(body)
  if (jsonIn(binding, "metadata")["name"] !== name) {
    throw Status.badRequest("name in URL does not match name in Binding object")
  }
  const nodeName = jsonIn(binding, "target")["name"]
  if (typeof nodeName !== "string" || nodeName === "") throw Status.badRequest("target.name is required")
  store.update(kind, namespace, name, "main", (current) => {
    const spec = jsonIn(current, "spec")
    const assigned = spec["nodeName"]
    if (assigned !== undefined || current.metadata.deletionTimestamp !== undefined) {
      const why =
        assigned === undefined
          ? `pod ${name} is being deleted`
          : `pod ${name} is already assigned to node "${String(assigned)}"`
      throw Status.conflict("pods/binding", kind.group, name, why)
    }
    return { ...current, spec: { ...spec, nodeName } }
  })
  return { status: 201, body: Status.success }
}
