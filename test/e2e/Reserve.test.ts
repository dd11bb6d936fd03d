import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import * as World from "./World.ts"

/** The API server answers the executor nothing any more, and its watches break: what a frozen etcd looks like. */
const freeze = Effect.gen(function* () {
  const { url } = yield* ApiServer
  for (const type of ["hang", "dropWatch"]) {
    const fault = { client: World.executorAgent, action: { type } }
    const { status } = yield* World.http(`${url}/faults`, { method: "POST", body: JSON.stringify(fault) })
    assert.strictEqual(status, 201)
  }
})

const thaw = ApiServer.use(({ url }) => World.http(`${url}/faults`, { method: "DELETE" }))

const labelled = (name: string) =>
  Effect.map(World.podsOf("default", `functionName=${name},fission.io/served=true`), (pods) => pods.length === 1)

layer(World.layer({ variables: { EXECUTOR_WARM_RESERVE: "2" } }), { excludeTestServices: true })(
  "the reserve",
  (it) => {
    it.effect("answers cold requests while the API is frozen, and the labels of their pods follow when it is not", () =>
      Effect.gen(function* () {
        yield* World.createEnvironment({ poolsize: 4 })
        for (const name of ["one", "two"]) yield* World.createFunction(name)
        yield* World.reserved(2)

        yield* freeze
        for (const name of ["one", "two"]) {
          assert.deepInclude(yield* World.call(name), { status: 200, body: name })
          assert.deepInclude(yield* World.call(name), { status: 200, body: name })
        }
        assert.deepStrictEqual(yield* World.specialized(), [])

        yield* thaw
        for (const name of ["one", "two"]) yield* World.isSo(labelled(name))
        yield* World.reserved(2)
      })
    )
  }
)
