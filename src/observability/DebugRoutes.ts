import { Clock, DateTime, Duration, Effect, Option } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { parseGoDuration } from "../Config.ts"
import { Orphans } from "../controllers/Orphans.ts"
import { ApiServerHealth } from "../kubernetes/ApiServerHealth.ts"
import { Circuits } from "../namespaces/Circuits.ts"
import { Supervisor } from "../namespaces/Supervisor.ts"
import { Brake } from "../safeguards/Brake.ts"
import { DecisionLog, type RecordedDecision } from "../safeguards/DecisionLog.ts"
import { Leadership } from "../safeguards/Leadership.ts"
import * as Gauges from "./Gauges.ts"
import { describeNamespace, describeServer } from "./NamespaceReport.ts"

/** A complete answer. */
export interface Page {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** What the pages are made of. */
export type PageSources = Gauges.GaugeSources | DecisionLog | Orphans

const text = (status: number, line: string): Page => ({
  status,
  contentType: "text/plain; charset=utf-8",
  body: `${line}\n`
})

const json = (value: unknown): Page => ({
  status: 200,
  contentType: "application/json",
  body: `${JSON.stringify(value, undefined, 2)}\n`
})

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

const written = ({ at, ...decision }: RecordedDecision) => ({ at: DateTime.formatIso(at), ...decision })

const decisions = Effect.fnUntraced(function* (query: URLSearchParams) {
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
  return json({
    decisions: recent
      .filter(({ at, name }) => DateTime.toEpochMillis(at) >= from && (object === null || name === object))
      .map(written)
  })
})

const namespaces = Effect.gen(function* () {
  const { cells } = yield* Supervisor
  const circuits = yield* Circuits
  const brake = yield* Brake
  const server = yield* ApiServerHealth
  const leadership = yield* Leadership
  const leader = leadership.leader()
  const sources = { circuitsOf: circuits.of, brakeOf: brake.status }
  return json({
    replica: { role: leadership.role(), ...(leader !== undefined && { leader }) },
    apiServer: yield* describeServer(server.status()),
    namespaces: yield* Effect.forEach(cells, (cell) => describeNamespace(cell, sources))
  })
})

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
  ["/debug/decisions", { method: "GET", parameters: ["namespace", "object", "since"], page: decisions }],
  ["/debug/namespaces", { method: "GET", parameters: [], page: () => namespaces }],
  ["/debug/orphans", { method: "GET", parameters: ["namespace"], page: orphans }],
  ["/debug/brakes/release", { method: "POST", parameters: ["namespace"], page: releaseBrake }]
])

/** Answers a request for one of the pages; what cannot be answered says why in one line. Never fails. */
export const answer = (method: string, target: string): Effect.Effect<Page, never, PageSources> => {
  const { pathname, searchParams } = new URL(`http://localhost/${target.replace(/^\/+/u, "")}`)
  const route = routes.get(pathname)
  if (route === undefined) return Effect.succeed(text(404, `not found; here are ${[...routes.keys()].join(", ")}`))
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
