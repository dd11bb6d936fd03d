import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CommandProcess from "../cli/CommandProcess.ts"
import { eventually, http } from "../e2e/World.ts"
import { assets, RealServer } from "./RealServer.ts"

describe.skipIf(assets === undefined)("dev on a real API server", () => {
  it.live(
    "brings what the server lacks, and answers the samples",
    () =>
      Effect.gen(function* () {
        const { kubeconfigs } = yield* RealServer
        const [executorPort, routerPort, metricsPort] = yield* Effect.all(
          Array.from({ length: 3 }, () => CommandProcess.freePort)
        )
        yield* CommandProcess.start([
          "dev",
          `--kubeconfig=${kubeconfigs.admin}`,
          `--executorPort=${executorPort}`,
          `--router-port=${routerPort}`,
          `--metrics-port=${metricsPort}`
        ])
        const answer = http(`http://127.0.0.1:${routerPort}/fission-function/hello`).pipe(
          Effect.map(({ body, status }) => (status === 200 ? body : undefined)),
          Effect.catchDefect(() => Effect.succeed(undefined))
        )
        assert.strictEqual(yield* eventually(answer), "Hello, world!\n")
      }).pipe(Effect.provide(RealServer.layer(assets ?? ""))),
    90_000
  )
})
