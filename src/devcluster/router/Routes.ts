import type { IncomingMessage } from "node:http"
import { pick, verdict } from "./HttpTriggers.ts"
import type { FunctionReference } from "./Versions.ts"
import type { Views } from "./Views.ts"

/** Which function a request is for, and what the function sees of it. */
export interface Route extends FunctionReference {
  /** Path and query. */
  readonly target: string
  /** Path parameters by name (function-pod-protocol.md section 10.4). */
  readonly parameters: { readonly [name: string]: string }
}

/** Why a request is for no function: nothing matches, not everything is known yet, or only other methods match. */
export type NoRoute = "unknown" | "notReady" | "otherMethod"

/** Finds the function of a request: by Fission's internal path, else by the HTTPTriggers. `point` chooses by weight. */
export const routeOf = (request: IncomingMessage, views: Views, point: number): Route | NoRoute => {
  const [path = "", ...query] = (request.url ?? "/").split("?")
  const withQuery = (seen: string) => `${seen}${query.length === 0 ? "" : `?${query.join("?")}`}`
  if (path.startsWith(`${internalPath}/`)) {
    const route = internalRoute(path, views.find)
    if (route === undefined) return views.knowsFunctions() ? "unknown" : "notReady"
    return { ...route, target: withQuery(route.target) }
  }

  const host = (request.headers.host ?? "").replace(/:\d+$/u, "")
  const found = verdict(views.triggers(), { method: request.method ?? "", host, path })
  switch (found._tag) {
    case "NoPath":
      return views.knowsTriggers() ? "unknown" : "notReady"
    case "OtherMethod":
      return "otherMethod"
    case "Matched": {
      const { parameters, path: target, trigger } = found
      return {
        namespace: trigger.metadata.namespace ?? "",
        ...pick(trigger.targets, point),
        target: withQuery(target),
        parameters
      }
    }
  }
}

const internalPath = "/fission-function"

/**
 * A function of that namespace and name goes before one of `default` that sees the name as part of its path. The name may
 * be followed by an alias, as in `hello:prod`.
 */
const internalRoute = (path: string, find: Views["find"]): Route | undefined => {
  const [first = "", second = "", ...rest] = path.slice(internalPath.length + 1).split("/")
  const parameters = {}
  const [inNamespace, inDefault] = [referenceIn(first, second), referenceIn("default", first)]
  if (second !== "" && isFunction(inNamespace, find)) {
    return { ...inNamespace, target: `/${rest.join("/")}`, parameters }
  }
  if (!isFunction(inDefault, find)) return undefined
  return { ...inDefault, target: `/${path.split("/").slice(3).join("/")}`, parameters }
}

const isFunction = ({ name, namespace }: FunctionReference, find: Views["find"]): boolean =>
  find({ namespace, name }, 0) !== undefined

const referenceIn = (namespace: string, segment: string): FunctionReference => {
  const [name = "", alias] = segment.split(":")
  return { namespace, name, alias }
}
