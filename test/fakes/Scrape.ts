import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Schema } from "effect"

/** One metric as its table has it. */
const DocumentedMetric = Schema.Struct({
  name: Schema.String,
  type: Schema.Literals(["counter", "gauge", "histogram"]),
  labels: Schema.Array(Schema.String),
  buckets: Schema.optionalKey(Schema.Array(Schema.Finite)),
  source: Schema.String,
  /** Why a run of the executor need not show it. */
  rare: Schema.optionalKey(Schema.String)
})

const table = fileURLToPath(new URL("../data/observability/metrics.json", import.meta.url))

/** Every metric of the executor: those of observability.md sections 2 and 3, of failure-semantics.md 9.7, and our own. */
export const documentedMetrics = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(DocumentedMetric)))(
  readFileSync(table, "utf8")
)

/** One metric as it was scraped. */
export interface ScrapedMetric {
  readonly type: string
  /** Each set of label names that occurs, without `le`. */
  readonly labels: ReadonlySet<string>
  /** Bounds of the buckets, without the infinite one. */
  readonly buckets: ReadonlyArray<number>
}

const sample = /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*)\})? (?:NaN|[+-]Inf|[-+.\de]+)$/u

/** The metrics in a page in the text format of Prometheus, by name. Throws at a line that is none of it. */
export const parsePage = (page: string): ReadonlyMap<string, ScrapedMetric> => {
  const metrics = new Map<string, { type: string; labels: Set<string>; buckets: Set<number> }>()
  for (const line of page.split("\n").filter((line) => line !== "" && !line.startsWith("# HELP "))) {
    const [, declared, type] = /^# TYPE (\S+) (\S+)$/u.exec(line) ?? []
    if (declared !== undefined && type !== undefined) {
      if (metrics.has(declared)) throw new Error(`declared twice: ${declared}`)
      metrics.set(declared, { type, labels: new Set(), buckets: new Set() })
      continue
    }
    const [, name, labels = ""] = sample.exec(line) ?? []
    if (name === undefined) throw new Error(`no sample: ${line}`)
    const metric = metrics.get(name) ?? metrics.get(name.replace(/_(?:bucket|sum|count|min|max)$/u, ""))
    if (metric === undefined) throw new Error(`not declared: ${line}`)
    const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/gu)]
    metric.labels.add(
      pairs
        .flatMap(([, label]) => (label === "le" || label === undefined ? [] : [label]))
        .sort()
        .join()
    )
    const bound = Number(pairs.find(([, label]) => label === "le")?.[2])
    if (Number.isFinite(bound)) metric.buckets.add(bound)
  }
  return new Map(
    [...metrics].map(([name, { buckets, labels, type }]) => [name, { type, labels, buckets: [...buckets] }])
  )
}

/** The names of metrics that a PromQL expression asks for. */
export const metricsIn = (expression: string): ReadonlyArray<string> => {
  const bare = expression
    .replaceAll(/"(?:[^"\\]|\\.)*"/gu, '""')
    .replaceAll(/\{[^}]*\}/gu, "")
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/gu, "")
  return [...bare.matchAll(/\b([a-zA-Z_:][\w:]*)\b(?!\s*\()/gu)]
    .map(([, name = ""]) => name)
    .filter((name) => name.includes("_"))
}

/** The metric that a series belongs to. */
export const metricOf = (series: string): string => {
  const base = series.replace(/_(?:bucket|sum|count)$/u, "")
  return documentedMetrics.some(({ name }) => name === base) ? base : series
}
