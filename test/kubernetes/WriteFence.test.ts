import type { ServerResponse } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Fiber, Layer } from "effect"
import { Leases, Pods } from "../../src/fission/ResourceKind.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"
import * as WriteFence from "../../src/kubernetes/WriteFence.ts"
import { listen, sendJson, type StubRequest } from "../fakes/StubServer.ts"

const object = { metadata: { name: "pod-1", namespace: "team-a" } }

/** An API with a fence, before a server that answers as given. */
const behindFence = (
  answer: (request: StubRequest, response: ServerResponse) => void = (_, response) => sendJson(response, object)
) =>
  Effect.gen(function* () {
    const paths: Array<string> = []
    const server = yield* listen((request, response) => {
      paths.push(`${request.method} ${request.path.split("/").at(-1)}`)
      answer(request, response)
    })
    const fence = yield* WriteFence.make
    const context = yield* Layer.build(
      KubernetesApiLive.layer(Credentials.fromServer(server.url), "test").pipe(
        Layer.provide(Layer.succeed(WriteFence.WriteFence, fence))
      )
    )
    const openFor = (millis: bigint) =>
      Effect.map(Clock.monotonicTimeNanos, (now) => fence.openUntil(now + millis * 1_000_000n))
    return { api: Context.get(context, KubernetesApi), fence, openFor, paths, server }
  })

const patch = { type: "merge", body: { metadata: { labels: { a: "b" } } } } as const

describe("the write fence", () => {
  it.live("lets reads pass, and stops writes with a time-out error that says why", () =>
    Effect.gen(function* () {
      const { api, paths } = yield* behindFence()
      yield* api.get(Pods, { namespace: "team-a", name: "pod-1" })
      const refused = yield* Effect.flip(api.patch(Pods, { namespace: "team-a", name: "pod-1" }, patch))
      assert.deepStrictEqual(paths, ["GET pod-1"])
      assert.include(refused, { _tag: "KubernetesTimeoutError", kind: "NotLeader", outcomeUnknown: false })
      assert.include(refused.message, "this executor does not lead")
    })
  )

  it.live("lets writes pass while it is open, and no longer than that", () =>
    Effect.gen(function* () {
      const { api, fence, openFor, paths } = yield* behindFence()
      yield* openFor(60_000n)
      yield* api.create(Pods, object)
      fence.close()
      yield* Effect.flip(api.create(Pods, object))
      yield* openFor(0n)
      yield* Effect.flip(api.create(Pods, object))
      assert.deepStrictEqual(paths, ["POST pods"])
    })
  )

  it.live("lets the writes of the lease pass, which is how it opens", () =>
    Effect.gen(function* () {
      const { api, paths } = yield* behindFence()
      yield* api.create(Leases, object, { priority: "lease" })
      assert.deepStrictEqual(paths, ["POST leases"])
    })
  )

  it.live("lets a patch pass that says it needs no lease, while it stops every other one of the same pod", () =>
    Effect.gen(function* () {
      const { api, paths } = yield* behindFence()
      yield* api.patch(Pods, { namespace: "team-a", name: "own" }, patch, { withoutLease: true })
      for (const options of [undefined, { withoutLease: false }, { priority: "request" }] as const) {
        const refused = yield* Effect.flip(api.patch(Pods, { namespace: "team-a", name: "own" }, patch, options))
        assert.include(refused, { kind: "NotLeader" })
      }
      assert.deepStrictEqual(paths, ["PATCH own"])
    })
  )

  it.live("stops a write that waited for a socket while the fence closed", () =>
    Effect.gen(function* () {
      const held: Array<ServerResponse> = []
      const { api, fence, openFor, paths, server } = yield* behindFence((_, response) => held.push(response))
      yield* openFor(60_000n)
      const write = (namespace: string, name: string) =>
        Effect.forkChild(Effect.exit(api.patch(Pods, { namespace, name }, patch)), { startImmediately: true })
      // Four calls of a namespace may be in flight, and 32 sockets are there for all of them.
      yield* Effect.forEach(Array.from({ length: 32 }).keys(), (index) => write(`team-${index % 8}`, `pod-${index}`))
      yield* Effect.forEach(Array.from({ length: 32 }), () => server.nextRequest)
      const waiting = yield* write("team-8", "late")
      fence.close()
      for (const response of held) sendJson(response, object)
      const outcome = yield* Fiber.join(waiting)
      assert.include(String(outcome), "NotLeader")
      assert.notInclude(paths, "PATCH late")
    })
  )
})
