import { Clock, DateTime, Duration, Effect, Option, Result } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { parseGoDuration } from "../Config.ts"
import { Orphans } from "../controllers/Orphans.ts"
import { ApiServerHealth } from "../kubernetes/ApiServerHealth.ts"
import { Circuits } from "../namespaces/Circuits.ts"
import { Supervisor } from "../namespaces/Supervisor.ts"
import { Brake } from "../safeguards/Brake.ts"
import { DecisionLog, type RecordedDecision } from "../safeguards/DecisionLog.ts"
import { Leadership } from "../safeguards/Leadership.ts"
import { json, type Page, text } from "./DebugPage.ts"
import { type FunctionSources, listFunctions } from "./FunctionReport.ts"
import * as Gauges from "./Gauges.ts"
import * as Listing from "./Listing.ts"
import { describeNamespace, describeServer, namespacesWorstFirst } from "./NamespaceReport.ts"
import { listPools, type PoolSources } from "./PoolReport.ts"
import { describeRequests } from "./RequestReport.ts"

/** What the pages are made of. */
export type PageSources = Gauges.GaugeSources | PoolSources | FunctionSources | DecisionLog | Orphans

/** One method of one path, and the query parameters that it knows. */
interface Route {
  readonly method: "GET" | "POST"
  readonly parameters: ReadonlyArray<string>
  readonly page: (query: URLSearchParams) => Effect.Effect<Page, never, PageSources>
}

const metrics = Effect.gen(function* () {
  yield* Gauges.refresh
  const body = yield* PrometheusMetrics.format()
  return { status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body }
})

/** Undefined when the executor serves the namespace, or when none is named; else the refusal. */
const namespaceProblem = (namespace: string | null) =>
  Effect.map(Supervisor, ({ cells }) => {
    const known = new Set(cells.flatMap(({ view }) => [view.namespace, view.workloadNamespace]))
    if (namespace === null || known.has(namespace)) return undefined
    return text(400, `namespace: "${namespace}" is not served here; known are ${[...known].join(", ")}`)
  })

/** A time in RFC 3339, or that long ago in Go's duration syntax; undefined when it is neither. */
const timeOf = (since: string, now: number): number | undefined => {
  const ago = parseGoDuration(since)
  if (ago !== undefined) return now - Duration.toMillis(ago)
  const isAbsolute = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/u.test(since)
  return isAbsolute ? Option.getOrUndefined(Option.map(DateTime.make(since), DateTime.toEpochMillis)) : undefined
}

/** Rows of a page that does not say how many it wants. */
const usualLimit = 100

/** A page of the part of a list that the query asks for. */
const partial =
  <R>(limit: number, page: (part: Listing.Part, query: URLSearchParams) => Effect.Effect<Page, never, R>) =>
  (query: URLSearchParams): Effect.Effect<Page, never, R> =>
    Result.match(Listing.partOf(query, limit), {
      onFailure: (problem) => Effect.succeed(text(400, problem)),
      onSuccess: (part) => page(part, query)
    })

const written = ({ at, ...decision }: RecordedDecision) => ({ at: DateTime.formatIso(at), ...decision })

const decisions = Effect.fnUntraced(function* (part: Listing.Part, query: URLSearchParams) {
  const namespace = query.get("namespace")
  const problem = yield* namespaceProblem(namespace)
  if (problem !== undefined) return problem
  const since = query.get("since")
  const from = since === null ? 0 : timeOf(since, yield* Clock.currentTimeMillis)
  if (from === undefined) {
    return text(400, `since: "${since}" is neither a time such as 2026-08-07T10:00:00Z nor a duration such as 10m`)
  }
  const object = query.get("object")
  const recent = yield* DecisionLog.use((log) => log.recent(namespace ?? undefined))
  const found = recent.filter(
    ({ action, at, kind, name, namespace, reason }) =>
      DateTime.toEpochMillis(at) >= from &&
      (object === null || name === object) &&
      Listing.isFound(part, `${namespace}/${name}`, action, kind, reason)
  )
  const end = Math.max(0, found.length - part.offset)
  return json({
    total: found.length,
    offset: part.offset,
    decisions: found.slice(Math.max(0, end - part.limit), end).map(written)
  })
})

const namespaces = Effect.fnUntraced(function* (part: Listing.Part) {
  const { cells } = yield* Supervisor
  const circuits = yield* Circuits
  const brake = yield* Brake
  const server = yield* ApiServerHealth
  const leadership = yield* Leadership
  const leader = leadership.leader()
  const sources = { circuitsOf: circuits.of, brakeOf: brake.status }
  const rows = yield* Listing.rowsOf(cells, (cell) => {
    const { namespace } = cell.view
    const state = brake.status(namespace) === undefined ? cell.health().state : "Braked"
    return Listing.isFound(part, namespace) ? { subject: cell, name: namespace, state } : undefined
  })
  const { subjects, ...list } = Listing.listed(rows, part, namespacesWorstFirst)
  return json({
    replica: { role: leadership.role(), ...(leader !== undefined && { leader }) },
    apiServer: yield* describeServer(server.status()),
    ...list,
    namespaces: yield* Effect.forEach(subjects, (cell) => describeNamespace(cell, sources))
  })
})

const pools = (part: Listing.Part) => Effect.map(listPools(part), json)

const functions = (part: Listing.Part) => Effect.map(listFunctions(part), json)

const orphans = Effect.fnUntraced(function* (query: URLSearchParams) {
  const namespace = query.get("namespace")
  const problem = yield* namespaceProblem(namespace)
  if (problem !== undefined) return problem
  return json(yield* Orphans.use(({ report }) => report(namespace ?? undefined)))
})

const releaseBrake = Effect.fnUntraced(function* (query: URLSearchParams) {
  const namespace = query.get("namespace")
  if (namespace === null) return text(400, "namespace: say which, as in ?namespace=default")
  const problem = yield* namespaceProblem(namespace)
  if (problem !== undefined) return problem
  const released = yield* Brake.use((brake) => brake.release(namespace))
  return json({ namespace, released })
})

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/metrics", { method: "GET", parameters: [], page: () => metrics }],
  [
    "/debug/decisions",
    {
      method: "GET",
      parameters: ["namespace", "object", "since", ...Listing.partParameters],
      page: partial(Number.POSITIVE_INFINITY, decisions)
    }
  ],
  ["/debug/functions", { method: "GET", parameters: Listing.partParameters, page: partial(usualLimit, functions) }],
  [
    "/debug/namespaces",
    { method: "GET", parameters: Listing.partParameters, page: partial(Number.POSITIVE_INFINITY, namespaces) }
  ],
  ["/debug/pools", { method: "GET", parameters: Listing.partParameters, page: partial(usualLimit, pools) }],
  ["/debug/requests", { method: "GET", parameters: [], page: () => Effect.map(describeRequests, json) }],
  ["/debug/orphans", { method: "GET", parameters: ["namespace"], page: orphans }],
  ["/debug/brakes/release", { method: "POST", parameters: ["namespace"], page: releaseBrake }]
])

/** The path of the operator's page. What follows `search` is for its script, which keeps its state in the address. */
const operatorRoute = (page: Page): readonly [string, Route] => [
  "/",
  { method: "GET", parameters: ["search"], page: () => Effect.succeed(page) }
]

/**
 * Answers a request for one of the pages, the operator's one among them where it is given; what cannot be answered says
 * why in one line. Never fails.
 */
export const answer = (
  method: string,
  target: string,
  operatorPage?: Page
): Effect.Effect<Page, never, PageSources> => {
  const { pathname, searchParams } = new URL(`http://localhost/${target.replace(/^\/+/u, "")}`)
  const served = operatorPage === undefined ? routes : new Map([operatorRoute(operatorPage), ...routes])
  const route = served.get(pathname)
  if (route === undefined) return Effect.succeed(text(404, `not found; here are ${[...served.keys()].join(", ")}`))
  if (route.method !== method) return Effect.succeed(text(405, `${pathname} answers to ${route.method} only`))
  // A scraper may add parameters of its own.
  const unknown =
    pathname === "/metrics" ? undefined : [...searchParams.keys()].find((name) => !route.parameters.includes(name))
  if (unknown !== undefined) {
    return Effect.succeed(
      text(400, `${unknown}: no such parameter; known are ${route.parameters.join(", ") || "none"}`)
    )
  }
  return route.page(searchParams)
}
