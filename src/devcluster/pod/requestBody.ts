import type { IncomingMessage } from "node:http"
import { parse } from "node:querystring"
import { BodyTooLarge, readBody } from "./podProcess.ts"

/** A request that the body parsers refuse, with the status and text of the answer. */
export class BodyRefused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const units: { readonly [unit: string]: number } = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }

/** Bytes of a size as `BODY_PARSER_LIMIT` writes it: `1mb`, `512kb`, `1000`. */
export const bytesOf = (size: string): number => {
  const [, amount = "", unit = "b"] = /^(\d+(?:\.\d+)?)\s*(b|kb|mb|gb)?$/u.exec(size.trim().toLowerCase()) ?? []
  return amount === "" ? bytesOf("1mb") : Math.floor(Number(amount) * (units[unit] ?? 1))
}

/**
 * The body as the stock runtime's parsers give it (function-pod-protocol.md section 10.3): an object for JSON and forms,
 * text for text types, bytes for `application/octet-stream`, and an empty object for everything else.
 */
export const parseBody = async (request: IncomingMessage, limit: number): Promise<unknown> => {
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? ""
  const parser = parserOf(type)
  if (parser === undefined || !hasBody(request)) return {}
  const bytes = await readBody(request, limit).catch((cause: unknown) => {
    throw cause instanceof BodyTooLarge ? new BodyRefused(413, "request entity too large") : cause
  })
  return bytes.length === 0 ? {} : parser(bytes)
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0

const parserOf = (type: string): ((bytes: Buffer) => unknown) | undefined => {
  if (type === "application/json") return parseJson
  if (type === "application/x-www-form-urlencoded") return (bytes) => ({ ...parse(bytes.toString("utf8")) })
  if (type === "application/octet-stream") return (bytes) => bytes
  return type.startsWith("text/") ? (bytes) => bytes.toString("utf8") : undefined
}

/** Objects and lists alone, as the stock parser's strict mode wants them. */
const parseJson = (bytes: Buffer): unknown => {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"))
    if (typeof value === "object" && value !== null) return value
  } catch (cause) {
    throw new BodyRefused(400, cause instanceof Error ? cause.message : "invalid JSON")
  }
  throw new BodyRefused(400, "the JSON body is neither an object nor a list")
}
