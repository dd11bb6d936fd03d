import { createServer } from "node:net"
import { Arbitrary, Effect, Schema, type Scope } from "effect"

const upTo = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))
const junk = Arbitrary.schema(Schema.String)

/** Any value that JSON can write. */
export const json = Arbitrary.schema(Schema.Json)

/** A JSON value with one of its parts, at any depth, replaced by any other. */
export const mutated = (sample: Schema.Json): Arbitrary.Arbitrary<unknown> =>
  Arbitrary.map(Arbitrary.all([Arbitrary.array(upTo(30), { maxLength: 8 }), json]), ([path, value]) =>
    replaced(sample, path, value)
  )

const replaced = (sample: unknown, [index = 0, ...rest]: ReadonlyArray<number>, value: unknown): unknown => {
  if (typeof sample !== "object" || sample === null || Object.keys(sample).length === 0) return value
  const keys = Object.keys(sample)
  const key = keys[index % keys.length] ?? ""
  const entries = Object.entries(sample).map(([name, part]) => [
    name,
    name !== key ? part : rest.length === 0 ? value : replaced(part, rest, value)
  ])
  return Array.isArray(sample) ? entries.map(([, part]) => part) : Object.fromEntries(entries)
}

/** A text that is cut, or has something inserted, or something left out; or anything else. */
export const mutatedText = (sample: string): Arbitrary.Arbitrary<string> =>
  Arbitrary.map(Arbitrary.all([upTo(4), upTo(sample.length), upTo(20), junk]), ([how, at, length, text]) => {
    if (how === 0) return text
    if (how === 1) return sample.slice(0, at)
    const skipped = how === 2 ? 0 : length
    return `${sample.slice(0, at)}${how === 4 ? "" : text}${sample.slice(at + skipped)}`
  })

/** The same as bytes, of which not all are UTF-8. */
export const mutatedBytes = (sample: string): Arbitrary.Arbitrary<Buffer> =>
  Arbitrary.map(Arbitrary.all([mutatedText(sample), upTo(255), upTo(sample.length)]), ([text, byte, at]) => {
    const bytes = Buffer.from(text)
    if (at < bytes.length) bytes[at] = byte
    return bytes
  })

/** A server that answers whatever comes with these bytes and hangs up. */
export const serverOf = (
  host: string,
  port: number,
  answer: () => Uint8Array
): Effect.Effect<number, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((socket) => {
          socket.on("error", () => {})
          socket.once("data", () => socket.end(answer()))
        })
        server.listen(port, host, () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    ),
    (server) => {
      const address = server.address()
      return typeof address === "object" && address !== null ? address.port : 0
    }
  )
