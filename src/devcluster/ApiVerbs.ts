import { isDeepStrictEqual } from "node:util"
import { parseJson, parseObject, type ResourcePath } from "./ApiRequest.ts"
import { newNamespace, withDefaults } from "./Defaults.ts"
import { listPage, type Projection, projected } from "./ListPage.ts"
import { mergePatch, strategicMergePatch } from "./MergePatch.ts"
import type { Part, ResourceStore, StoredObject } from "./ResourceStore.ts"
import { scaleOf, withScale } from "./Scale.ts"
import type { ServedKind } from "./ServedKinds.ts"
import * as Status from "./Status.ts"
import { isJson, jsonIn } from "./StoredObject.ts"

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
  if (!isServed(path)) throw Status.notImplemented(`the subresource ${path.kind.plural}/${path.subresource}`)

  switch (call.verb) {
    case "get": {
      const object = store.get(path.kind, path.namespace, name)
      return ok(path.subresource === "scale" ? scaleOf(object) : projected(call.projection, object))
    }
    case "list":
      return ok(listPage(store, path, query, call.projection))
    case "create":
      return create(store, call)
    case "update":
    case "patch":
      return change(store, call)
    case "delete":
      return remove(store, call)
    default:
      throw Status.notImplemented(`the verb ${call.verb}`)
  }
}

const isServed = ({ kind, subresource }: ResourcePath): boolean =>
  subresource === undefined || (subresource === "status" && kind.status) || (subresource === "scale" && kind.scale)

const create = (store: ResourceStore, { body, path, projection }: ApiCall): ApiAnswer => {
  if (path.name !== undefined) throw Status.methodNotAllowed()
  const given = parseObject(body, path.kind)
  const { namespace } = jsonIn(given, "metadata")
  if (typeof namespace === "string" && namespace !== "" && namespace !== path.namespace) {
    throw Status.badRequest("the namespace of the provided object does not match the namespace sent on the request")
  }
  const object = withDefaults(path.kind, path.kind.kind === "Namespace" ? newNamespace(given) : given)
  return { status: 201, body: projected(projection, store.create(path.kind, path.namespace, object)) }
}

/** An update or a patch, of the object or of one of its subresources. */
const change = (store: ResourceStore, call: ApiCall): ApiAnswer => {
  const { kind, name = "", namespace, subresource } = call.path
  const part: Part = subresource === "status" ? "status" : "main"
  const wantedOf = subresource === "scale" ? scaleChange(call) : objectChange(call)
  const changed = store.update(kind, namespace, name, part, (current) => {
    const wanted = withDefaults(kind, wantedOf(current))
    if (part === "main") requireChangeable(kind, current, wanted)
    return wanted
  })
  return ok(subresource === "scale" ? scaleOf(changed) : projected(call.projection, changed))
}

const objectChange = (call: ApiCall): ((current: StoredObject) => Status.Json) => {
  const { kind, subresource } = call.path
  if (call.verb === "update") {
    const object = parseObject(call.body, kind)
    if (subresource === undefined) requireVersion(kind, call.path.name ?? "", object)
    return () => object
  }
  const merge = patchFunction(call.contentType, kind.group)
  const patch = parseJson(call.body)
  return (current) => asObject(merge(current, patch))
}

const scaleChange = (call: ApiCall): ((current: StoredObject) => Status.Json) => {
  const given = parseJson(call.body)
  if (call.verb === "update") return (current) => withScale(current, given)
  const merge = patchFunction(call.contentType, call.path.kind.group)
  return (current) => withScale(current, asObject(merge(scaleOf(current), given)))
}

/** Custom resources and Leases cannot be replaced blindly. */
const requireVersion = (kind: ServedKind, name: string, object: Status.Json): void => {
  const { resourceVersion } = jsonIn(object, "metadata")
  const guarded = kind.group === "fission.io" || kind.kind === "Lease"
  if (!guarded || (typeof resourceVersion === "string" && resourceVersion !== "")) return
  throw Status.invalid(kind, name, "metadata.resourceVersion", "Invalid value: 0: must be specified for an update")
}

/** The selector of a workload is fixed for life. */
const requireChangeable = (kind: ServedKind, current: StoredObject, wanted: Status.Json): void => {
  if (kind.group !== "apps") return
  const [before, after] = [current, wanted].map((object) => jsonIn(object, "spec")["selector"])
  if (isDeepStrictEqual(before, after)) return
  const problem = `Invalid value: ${JSON.stringify(after)}: field is immutable`
  throw Status.invalid(kind, current.metadata.name, "spec.selector", problem)
}

const asObject = (value: unknown): Status.Json => {
  if (isJson(value)) return value
  throw Status.badRequest("the patch leaves no object")
}

const patchFunction = (contentType: string, group: string): ((target: unknown, patch: unknown) => unknown) => {
  switch (contentType.split(";")[0]?.trim()) {
    case "application/merge-patch+json":
      return mergePatch
    case "application/strategic-merge-patch+json":
      if (group !== "fission.io") return strategicMergePatch
      break
    case "application/json-patch+json":
    case "application/apply-patch+yaml":
      throw Status.notImplemented(`patches of type ${contentType}`)
  }
  throw new Status.StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type")
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
      const why = assigned === undefined ? `pod ${name} is being deleted` : `pod ${name} is already assigned to a node`
      throw Status.conflict("pods/binding", kind.group, name, why)
    }
    return { ...current, spec: { ...spec, nodeName } }
  })
  return { status: 201, body: Status.success }
}
