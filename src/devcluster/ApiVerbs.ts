import { parseJson, parseObject, parsePatch, type ResourcePath } from "./ApiRequest.ts"
import { newNamespace, withDefaults } from "./Defaults.ts"
import { listPage } from "./ListPage.ts"
import { mergePatch, strategicMergePatch } from "./MergePatch.ts"
import type { Projection } from "./Projection.ts"
import type { Part, ResourceStore, StoredObject } from "./ResourceStore.ts"
import { scaleOf, withScale } from "./Scale.ts"
import type { ServedKind } from "./ServedKinds.ts"
import * as Status from "./Status.ts"
import { jsonIn } from "./StoredObject.ts"
import { asObject, requireVersion, type UnknownFields, validCreate, validUpdate } from "./Validation.ts"

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
  if (path.kind.kind === "Pod" && path.subresource === "binding" && call.verb === "create") return bind(store, call)
  if (path.subresource === "status" && !path.kind.status) throw Status.noSuchPath()
  if (!isServed(path)) throw Status.notImplemented(`the subresource ${path.kind.plural}/${path.subresource}`)
  if ((path.name === undefined) !== collectionVerbs.has(call.verb)) throw Status.methodNotAllowed()

  switch (call.verb) {
    case "get": {
      const object = store.get(path.kind, path.namespace, name)
      return ok(path.subresource === "scale" ? scaleOf(object) : call.projection.object(object))
    }
    case "list":
      return ok(listPage(store, path, query, call.projection))
    case "create":
      requireJson(call.contentType)
      return create(store, call)
    case "update":
      requireJson(call.contentType)
      return change(store, call)
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

/** Verbs of paths that name no object. */
const collectionVerbs = new Set(["list", "watch", "create", "deletecollection"])

const isServed = ({ kind, subresource }: ResourcePath): boolean =>
  subresource === undefined || (subresource === "status" && kind.status) || (subresource === "scale" && kind.scale)

const create = (store: ResourceStore, { body, path, projection, query }: ApiCall): ApiAnswer => {
  const given = parseObject(body, path.kind)
  const { namespace } = jsonIn(given, "metadata")
  if (typeof namespace === "string" && namespace !== "" && namespace !== path.namespace) {
    throw Status.badRequest("the namespace of the provided object does not match the namespace sent on the request")
  }
  const object = withDefaults(path.kind, path.kind.kind === "Namespace" ? newNamespace(given) : given)
  store.requireNamespace(path.kind, path.namespace ?? "", String(jsonIn(given, "metadata")["name"] ?? ""))
  const valid = validCreate(path.kind, object, unknownFieldsOf(query))
  return { status: 201, body: projection.object(store.create(path.kind, path.namespace, valid)) }
}

/** An update or a patch, of the object or of one of its subresources. */
const change = (store: ResourceStore, call: ApiCall): ApiAnswer => {
  const { kind, name = "", namespace, subresource } = call.path
  const part: Part = subresource === "status" ? "status" : "main"
  const wantedOf = subresource === "scale" ? scaleChange(call) : objectChange(call)
  const changed = store.update(kind, namespace, name, part, (current) => {
    const given = onlyPart(kind, part, current, wantedOf(current))
    const wanted = call.verb === "patch" && subresource !== "scale" ? ofThisObject(kind, part, current, given) : given
    return validUpdate(kind, current, withDefaults(kind, wanted), unknownFieldsOf(call.query))
  })
  return ok(subresource === "scale" ? scaleOf(changed) : call.projection.object(changed))
}

/** Without the change of what is none of this part's business; `metadata` stays for its preconditions. */
const onlyPart = (kind: ServedKind, part: Part, current: StoredObject, wanted: Status.Json): Status.Json => {
  if (part === "status") return { ...current, metadata: wanted["metadata"], status: wanted["status"] }
  return kind.status ? { ...wanted, status: current["status"] } : wanted
}

/**
 * A patch that names another UID would change an immutable field, which is a 422 `StatusError` and no conflict; in the
 * status of a custom resource a UID means nothing.
 */
const ofThisObject = (kind: ServedKind, part: Part, current: StoredObject, wanted: Status.Json): Status.Json => {
  const metadata = jsonIn(wanted, "metadata")
  const { resourceVersion, uid } = metadata
  if (uid === current.metadata.uid || resourceVersion !== current.metadata.resourceVersion) return wanted
  if (part === "status" && kind.group === "fission.io") {
    return { ...wanted, metadata: { ...metadata, uid: current.metadata.uid } }
  }
  const problem = `Invalid value: ${JSON.stringify(uid)}: field is immutable`
  throw Status.invalid(kind, current.metadata.name, "metadata.uid", problem)
}

const unknownFieldsOf = (query: URLSearchParams): UnknownFields =>
  query.get("fieldValidation") === "Strict" ? "refuse" : "drop"

const objectChange = (call: ApiCall): ((current: StoredObject) => Status.Json) => {
  const { kind, subresource } = call.path
  if (call.verb === "update") {
    const object = parseObject(call.body, kind)
    if (subresource === undefined) requireVersion(kind, call.path.name ?? "", object)
    return () => object
  }
  const merge = patchFunction(call.contentType, kind.group)
  const patch = parsePatch(call.body)
  return (current) => asObject(merge(current, patch))
}

const scaleChange = (call: ApiCall): ((current: StoredObject) => Status.Json) => {
  if (call.verb === "update") {
    const given = parseJson(call.body)
    return (current) => withScale(current, given)
  }
  const merge = patchFunction(call.contentType, call.path.kind.group)
  const patch = parsePatch(call.body)
  return (current) => withScale(current, asObject(merge(scaleOf(current), patch)))
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
  const options = body.length === 0 ? {} : parseJson(body)
  const policy = options["propagationPolicy"] ?? query.get("propagationPolicy") ?? "Background"
  if (policy !== "Background") throw Status.notImplemented(`deletes with propagationPolicy ${String(policy)}`)
  const preconditions = jsonIn(options, "preconditions")
  const text = (value: unknown) => (typeof value === "string" ? value : undefined)
  const grace = options["gracePeriodSeconds"] ?? query.get("gracePeriodSeconds") ?? undefined
  const last = store.delete(kind, namespace, name, {
    uid: text(preconditions["uid"]),
    resourceVersion: text(preconditions["resourceVersion"]),
    gracePeriodSeconds: grace === undefined ? undefined : Number(grace)
  })
  const isHeld = last.metadata.deletionTimestamp !== undefined
  return ok(isHeld || kind.kind === "Pod" ? last : Status.deleted(kind, name, last.metadata.uid))
}

/** Gives a Pod its node; a Pod that has one keeps it and the answer is a conflict. */
const bind = (store: ResourceStore, { body, path }: ApiCall): ApiAnswer => {
  const { kind, name = "", namespace } = path
  const nodeName = jsonIn(parseJson(body), "target")["name"]
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
