import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { parse } from "yaml"
import { documentedMetrics, metricOf, metricsIn } from "../fakes/Scrape.ts"

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const text = (name: string) => readFileSync(path(name), "utf8")

const Rules = Schema.Struct({
  groups: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      rules: Schema.Array(
        Schema.Struct({
          alert: Schema.String,
          expr: Schema.String,
          for: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^\d+[smh]$/u))),
          labels: Schema.Struct({ severity: Schema.Literals(["critical", "warning", "info"]) }),
          annotations: Schema.Struct({ summary: Schema.String, runbook: Schema.String })
        })
      )
    })
  )
})

const Dashboard = Schema.Struct({
  panels: Schema.Array(
    Schema.Struct({
      title: Schema.String,
      targets: Schema.optionalKey(Schema.Array(Schema.Struct({ expr: Schema.String, legendFormat: Schema.String })))
    })
  )
})

const alerts = Schema.decodeUnknownSync(Rules)(parse(text("deploy/monitoring/rules.yaml"))).groups.flatMap(
  ({ rules }) => rules
)
const dashboard = Schema.decodeUnknownSync(Schema.fromJsonString(Dashboard))(text("deploy/monitoring/dashboard.json"))
const queries = dashboard.panels.flatMap(({ targets = [], title }) =>
  targets.map(({ expr, legendFormat }) => ({ title, expr, legendFormat }))
)

/** Labels that Prometheus or the queries themselves add. */
const everywhere = new Set(["instance", "job", "le"])

/** What is wrong with an expression, as far as names and brackets tell. */
const problemsOf = (expr: string, shown: string): ReadonlyArray<string> => {
  const names = metricsIn(expr).map(metricOf)
  const known = names.flatMap((name) => documentedMetrics.filter((metric) => metric.name === name))
  const labels = new Set([...everywhere, ...known.flatMap(({ labels }) => labels)])
  const used = [
    ...[...expr.matchAll(/\{([^}]*)\}/gu)].flatMap(([, list = ""]) =>
      list.split(",").map((pair) => pair.split(/[=!~]/u)[0])
    ),
    ...[...expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/gu)].flatMap(([, list = ""]) => list.split(",")),
    ...[...shown.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/gu)].map(([, label]) => label)
  ].map((label = "") => label.trim())
  return [
    ...(names.length === 0 ? ["no metric"] : []),
    ...names.filter((name) => known.every((metric) => metric.name !== name)).map((name) => `no metric ${name}`),
    ...used.filter((label) => !labels.has(label)).map((label) => `no label ${label}`),
    ...(expr.split("(").length === expr.split(")").length ? [] : ["brackets"]),
    ...known.flatMap(({ name, type }) => {
      const isRated = new RegExp(`rate\\(${name}(?:_bucket|_sum|_count)?(?:\\{[^}]*\\})?\\[`, "u").test(expr)
      if (type === "gauge") return isRated ? [`rate of the gauge ${name}`] : []
      return isRated || name.startsWith("fission_executor_config_invalid") ? [] : [`no rate of the ${type} ${name}`]
    })
  ]
}

describe("each alert", () => {
  it.each(alerts)("$alert asks for metrics and labels that exist", ({ annotations, expr }) => {
    assert.deepStrictEqual(problemsOf(expr, annotations.summary), [])
  })

  it("has a runbook page, and each page an alert", () => {
    const pages = readdirSync(path("docs/runbooks")).map((name) => `docs/runbooks/${name}`)
    assert.deepStrictEqual(alerts.map(({ annotations }) => annotations.runbook).sort(), pages.sort())
  })

  it.each(alerts)("$alert's page quotes its expression", ({ alert, expr }) => {
    const page = text(`docs/runbooks/${alert}.md`)
    assert.isTrue(page.startsWith(`# ${alert}\n`))
    assert.include(page, expr)
  })
})

describe("each panel of the dashboard", () => {
  it.each(queries)("$title asks for metrics and labels that exist: $expr", ({ expr, legendFormat }) => {
    assert.deepStrictEqual(problemsOf(expr, legendFormat), [])
  })
})

describe("the links in the documents", () => {
  it.each(["docs/errors.md", ...alerts.map(({ annotations }) => annotations.runbook)])("%s lead somewhere", (page) => {
    const links = [...text(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/gu)].map(([, link = ""]) => link)
    for (const link of links) assert.doesNotThrow(() => readFileSync(new URL(link, `file://${path(page)}`)), link)
  })
})
