import { Redacted } from "effect"
import type { Sampler } from "./Tracing.ts"

/** Where OpenTelemetry data goes, and which (configuration-and-deployment.md section 4.7). */
export interface TelemetrySettings {
  /** Base URL of a collector that speaks OTLP over HTTP; undefined: nothing is exported. */
  readonly endpoint: string | undefined
  /** Sent with every export; may hold credentials. */
  readonly headers: Redacted.Redacted<{ readonly [name: string]: string }>
  readonly sampler: Sampler
  /** Whether log lines are exported besides being written. */
  readonly logs: boolean
  /** Whether metrics are pushed besides being scraped. */
  readonly metrics: boolean
}

/** Reads one variable: its text, or the fallback where it is empty or, which is reported, cannot be used. */
export type ReadSetting = <A>(name: string, parse: (text: string) => A | undefined, fallback: A, shown?: string) => A

/** Ports of a collector for OTLP over gRPC, which the stock executor speaks, and over HTTP, which this one does. */
const grpcPort = "4317"
const httpPort = "4318"

const parseEndpoint = (isInsecure: boolean) => (text: string) => {
  const url = /^https?:\/\//u.test(text) ? text : `${isInsecure ? "http" : "https"}://${text}`
  if (!URL.canParse(url)) return undefined
  const parsed = new URL(url)
  if (parsed.port === grpcPort) parsed.port = httpPort
  return parsed.href.replace(/\/+$/u, "")
}

const parseRatio = (text: string) => {
  const ratio = Number(text)
  return text.trim() !== "" && ratio >= 0 && ratio <= 1 ? ratio : undefined
}

/** What is no pair is left out, and not reported: a report would print what may be a credential. */
const parseHeaders = (text: string) =>
  Redacted.make(
    Object.fromEntries(
      [...text.matchAll(/(?:^|,)\s*([\w-]+)\s*=\s*([^,]*)/gu)].map(([, name = "", value = ""]) => [name, value.trim()])
    )
  )

const always: Sampler = { ratio: 1, parentBased: true }
const never: Sampler = { ratio: 0, parentBased: false }

const parseSampler = (ratio: () => number) => (text: string) => {
  const samplers: { readonly [name: string]: () => Sampler } = {
    always_on: () => always,
    parentbased_always_on: () => always,
    always_off: () => never,
    parentbased_always_off: () => never,
    traceidratio: () => ({ ratio: ratio(), parentBased: false }),
    parentbased_traceidratio: () => ({ ratio: ratio(), parentBased: true })
  }
  return samplers[text]?.()
}

/** Reads the `OTEL_*` variables of the stock executor. */
export const readTelemetrySettings = (
  read: ReadSetting,
  parseBoolean: (text: string) => boolean | undefined
): TelemetrySettings => {
  const isInsecure = read("OTEL_EXPORTER_OTLP_INSECURE", parseBoolean, true)
  const ratio = () => read("OTEL_TRACES_SAMPLER_ARG", parseRatio, 1)
  return {
    endpoint: read<string | undefined>(
      "OTEL_EXPORTER_OTLP_ENDPOINT",
      parseEndpoint(isInsecure),
      undefined,
      "no export"
    ),
    headers: read("OTEL_EXPORTER_OTLP_HEADERS", parseHeaders, Redacted.make({})),
    sampler: read("OTEL_TRACES_SAMPLER", parseSampler(ratio), always, "parentbased_always_on"),
    logs: read("OTEL_LOGS_ENABLED", parseBoolean, false),
    metrics: read("OTEL_METRICS_EXPORTER", (text) => text.split(",").includes("otlp"), false)
  }
}
