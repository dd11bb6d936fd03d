import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Secrets } from "../../src/devcluster/Kinds.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import * as World from "./World.ts"

const secret = "end-to-end-master-secret"

/** What the chart installs: the master secret, from which the pods' fetchers derive their key. */
const installSecret = (value: string) =>
  KubernetesApi.use((api) =>
    api.create(Secrets, {
      metadata: { namespace: "default", name: "fission-internal-auth" },
      data: { secret: Buffer.from(value).toString("base64") }
    })
  )

const withFunction = Effect.gen(function* () {
  yield* World.createEnvironment()
  yield* World.createFunction("hello")
  yield* World.warm(2)
})

describe("internal auth", () => {
  it.live("signs every request between router, executor and pods", () =>
    Effect.gen(function* () {
      yield* withFunction
      assert.deepInclude(yield* World.call("hello"), { status: 200, body: "hello" })
      const unsigned = yield* World.ask("hello")
      assert.deepStrictEqual([unsigned.status, unsigned.body], [401, ""])
    }).pipe(
      Effect.provide(
        World.layer({ variables: { FISSION_INTERNAL_AUTH_SECRET: secret }, before: installSecret(secret) })
      )
    )
  )

  it.live("with another secret in the router ends in a refusal, not in a pod", () =>
    Effect.gen(function* () {
      yield* withFunction
      const { body, status } = yield* World.call("hello")
      assert.strictEqual(status, 500)
      assert.include(body, "HTTP 401: the executor refused the signature")
      assert.deepStrictEqual(yield* World.claimsOf("hello"), [])
    }).pipe(
      Effect.provide(
        World.layer({
          variables: { FISSION_INTERNAL_AUTH_SECRET: secret },
          routerSecret: "another",
          before: installSecret(secret)
        })
      )
    )
  )

  /** The pods refuse what the executor sends: the caller learns why, again too, and one pod is spent. */
  const refusedByPods = (reason: string) =>
    Effect.gen(function* () {
      yield* withFunction
      for (let request = 0; request < 2; request++) {
        const { body, status } = yield* World.call("hello")
        assert.strictEqual(status, 500)
        assert.include(body, reason)
      }
      assert.strictEqual((yield* World.claimsOf("hello")).length, 1)
      yield* World.isSo(Effect.map(World.specialized(), (pods) => pods.length === 0))
    })

  it.live("with another secret in the pods ends in a refusal that costs one pod", () =>
    refusedByPods("HTTP 403: the pod refused a request signed with the key of this executor's").pipe(
      Effect.provide(
        World.layer({ variables: { FISSION_INTERNAL_AUTH_SECRET: secret }, before: installSecret("another") })
      )
    )
  )

  it.live("that only the pods ask for ends in a refusal that costs one pod", () =>
    refusedByPods("HTTP 403: the pod refused an unsigned request").pipe(
      Effect.provide(World.layer({ before: installSecret(secret) }))
    )
  )
})
