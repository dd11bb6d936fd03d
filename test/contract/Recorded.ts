import { readFileSync } from "node:fs"
import { isJson } from "../../src/devcluster/StoredObject.ts"
import type { RawRequest } from "./Servers.ts"

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const

const read = (name: string): string =>
  readFileSync(new URL(`../data/apiserver-faults/${name}`, import.meta.url), "utf8")

/** What a watch of a real API server told once. */
export const recordedLines = (name: string): ReadonlyArray<unknown> =>
  read(`${name}.ndjson`)
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line))

/** What a real API server was asked once, and what it answered. */
export const recorded = (name: string) => {
  const { request, response }: { readonly request: unknown; readonly response: unknown } = JSON.parse(
    read(`${name}.json`)
  )
  if (!isJson(request) || !isJson(response)) throw new Error(`${name} is no recorded exchange`)
  const { body, contentType, method, path } = request
  const asked: RawRequest = {
    method: methods.find((known) => known === method) ?? "GET",
    path: String(path),
    body,
    ...(typeof contentType === "string" ? { contentType } : {})
  }
  return { request: asked, status: Number(response["status"]), body: response["body"] }
}

/** Without what differs from run to run: UIDs, versions, tokens, how a program words its parser's trouble. */
export const withoutChance = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value)
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gu, "<uid>")
      .replaceAll(/current: \d+/gu, "current: <version>")
      .replaceAll(/too old resource version: \d+ \(\d+\)/gu, "too old resource version: <version>")
      .replaceAll(/"continue":"[^"]+"/gu, '"continue":"<token>"')
      .replaceAll(/(continue key is not valid: )[^"]*?(",)/gu, "$1<problem>$2")
  )
