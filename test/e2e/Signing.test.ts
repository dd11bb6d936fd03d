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
      assert.strictEqual((yield* World.call("hello")).status, 500)
      assert.deepStrictEqual(yield* World.specialized(), [])
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

  it.live("with another secret in the pods ends in a refusal that costs one pod", () =>
    Effect.gen(function* () {
      yield* withFunction
      assert.strictEqual((yield* World.call("hello")).status, 500)
      yield* World.isSo(Effect.map(World.specialized(), (pods) => pods.length === 0))
    }).pipe(
      Effect.provide(
        World.layer({ variables: { FISSION_INTERNAL_AUTH_SECRET: secret }, before: installSecret("another") })
      )
    )
  )
})
