import { networkInterfaces } from "node:os"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { listen } from "../src/HttpListener.ts"

const hasIpv6 = (networkInterfaces()["lo"] ?? []).some(({ address }) => address === "::1")

it.live.skipIf(!hasIpv6)("listens on IPv4 and IPv6 alike when no address is named", () =>
  Effect.gen(function* () {
    const { port } = yield* listen({ host: undefined, port: 0, name: "test" }, (_, response) =>
      Effect.sync(() => void response.end("here"))
    )
    for (const host of ["127.0.0.1", "[::1]"]) {
      const text = yield* Effect.promise(async () => (await fetch(`http://${host}:${port}/`)).text())
      assert.strictEqual(text, "here")
    }
  })
)

it.live("says where nobody can listen", () =>
  Effect.gen(function* () {
    const options = { host: undefined, port: 0, name: "test" }
    const { port } = yield* listen(options, () => Effect.void)
    const error = yield* Effect.flip(listen({ ...options, port }, () => Effect.void))
    assert.include(error.message, `test on every address:${port}: the port is in use`)
  })
)
