import { createServer } from "node:http"
import { assert, it } from "@effect/vitest"
import { Effect, Queue } from "effect"
import { runProbe } from "../../../src/devcluster/kubelet/Probes.ts"

/** A server whose answer a test decides. */
const serving = Effect.gen(function* () {
  const answer = { status: 200, requests: 0 }
  const server = createServer((request, response) => {
    answer.requests++
    if (answer.status > 0) response.writeHead(request.url === "/ready" ? answer.status : 404).end()
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => server.close().closeAllConnections())
  )
  const address = server.address()
  return { answer, port: typeof address === "object" && address !== null ? address.port : 0 }
})

const probing = (
  port: number | string,
  settings: object = {},
  ports: ReadonlyArray<{ name: string; containerPort: number }> = []
) =>
  Effect.gen(function* () {
    const verdicts = yield* Queue.unbounded<boolean>()
    const probe = { httpGet: { path: "/ready", port }, periodSeconds: 0, ...settings }
    const onVerdict = (isSuccess: boolean) => Effect.asVoid(Queue.offer(verdicts, isSuccess))
    yield* Effect.forkScoped(runProbe(probe, { name: "main", ports }, "127.0.0.1", onVerdict))
    return verdicts
  })

it.live("tells what it finds", () =>
  Effect.gen(function* () {
    const { answer, port } = yield* serving
    const verdicts = yield* probing(port)
    assert.isTrue(yield* Queue.take(verdicts))
    answer.status = 500
    yield* Effect.repeat(Queue.take(verdicts), { until: (isSuccess) => !isSuccess })
  })
)

it.live("fails only after as many failures in a row as the threshold", () =>
  Effect.gen(function* () {
    const { answer, port } = yield* serving
    answer.status = 503
    const verdicts = yield* probing(port, { failureThreshold: 4 })
    assert.isFalse(yield* Queue.take(verdicts))
    assert.isAtLeast(answer.requests, 4)
  })
)

it.live("takes a server that does not answer in time for a failure", () =>
  Effect.gen(function* () {
    const { answer, port } = yield* serving
    answer.status = 0
    const verdicts = yield* probing(port, { failureThreshold: 1, timeoutSeconds: 0.05 })
    assert.isFalse(yield* Queue.take(verdicts))
  })
)

it.live("finds a port by its name", () =>
  Effect.gen(function* () {
    const { port } = yield* serving
    const verdicts = yield* probing("http", { failureThreshold: 1 }, [{ name: "http", containerPort: port }])
    assert.isTrue(yield* Queue.take(verdicts))
  })
)
