import { assert, layer } from "@effect/vitest"
import { Effect, Ref } from "effect"
import { FunctionAliases, FunctionVersions, Secrets } from "../../src/fission/ResourceKind.ts"
import { rawKind } from "../../src/devcluster/RawKind.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import * as World from "./World.ts"

const reference = (name: string) => ({ namespace: "default", name })

const published = (name: string) =>
  World.isSo(
    KubernetesApi.use((api) => api.get(FunctionVersions, reference(name))).pipe(
      Effect.as(true),
      Effect.catchTag("KubernetesNotFound", () => Effect.succeed(false))
    )
  )

const lead = (version: string) =>
  KubernetesApi.use((api) =>
    api.patch(FunctionAliases, reference("prod"), { type: "merge", body: { spec: { version } } })
  )

/** Calls a function from eight sides for as long as something goes on, and one time each after it. All bodies seen. */
const underLoad = <A, E, R>(name: string, self: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const goesOn = yield* Ref.make(true)
    const bodies = new Set<string>()
    const once = Effect.map(World.call(name), ({ body, status }) => {
      assert.strictEqual(status, 200, body)
      bodies.add(body)
    })
    const caller = Effect.andThen(Effect.repeat(once, { while: () => Ref.get(goesOn) }), once)
    const callers = Effect.forEach(Array.from({ length: 8 }), () => caller, { concurrency: "unbounded", discard: true })
    yield* Effect.all([callers, Effect.andThen(self, Ref.set(goesOn, false))], { concurrency: 2, discard: true })
    return bodies
  })

const answers = (name: string, body: string) =>
  World.isSo(Effect.map(World.call(name), (answer) => answer.status === 200 && answer.body === body))

for (const endpointSlices of [false, true]) {
  const what = `Versions and aliases, ${endpointSlices ? "with" : "without"} EndpointSlices`
  layer(World.layer({ endpointSlices }), { excludeTestServices: true })(what, (it) => {
    it.effect("an alias goes on leading to its version while the function moves on", () =>
      Effect.gen(function* () {
        yield* World.createEnvironment({ poolsize: 3 })
        yield* World.createFunction("hello", World.answering("one"), { versioning: { mode: "auto" } })
        yield* published("hello-v1")
        yield* KubernetesApi.use((api) =>
          api.create(FunctionAliases, {
            metadata: reference("prod"),
            spec: { functionName: "hello", version: "hello-v1" }
          })
        )
        yield* World.warm(3)
        yield* answers("hello:prod", "one")
        yield* World.changeFunction("hello", World.answering("two"))
        yield* published("hello-v2")
        yield* answers("hello", "two")
        assert.deepInclude(yield* World.call("hello:prod"), { status: 200, body: "one" })
      })
    )

    it.effect("an alias that is switched back and forth under load fails no request", () =>
      Effect.gen(function* () {
        const switching = Effect.forEach(
          ["hello-v2", "hello-v1", "hello-v2"],
          (version) => Effect.andThen(lead(version), answers("hello:prod", version === "hello-v2" ? "two" : "one")),
          { discard: true }
        )
        assert.sameMembers([...(yield* underLoad("hello:prod", switching))], ["one", "two"])
        for (let request = 0; request < 10; request++) {
          assert.deepInclude(yield* World.call("hello:prod"), { status: 200, body: "two" })
        }
      })
    )

    it.effect("an alias with two versions leads to both", () =>
      Effect.gen(function* () {
        const spec = { version: "hello-v1", secondaryVersion: "hello-v2", weight: 50 }
        yield* KubernetesApi.use((api) =>
          api.patch(FunctionAliases, reference("prod"), { type: "merge", body: { spec } })
        )
        const bodies = yield* underLoad("hello:prod", answers("hello:prod", "one"))
        yield* answers("hello:prod", "two")
        assert.isTrue([...bodies].every((body) => body === "one" || body === "two"))
      })
    )

    it.effect("a Secret that changes under load moves a function to a new pod without a failed request", () =>
      Effect.gen(function* () {
        const raw = rawKind(Secrets)
        const password = Buffer.from("old").toString("base64")
        yield* KubernetesApi.use((api) => api.create(raw, { metadata: reference("db"), data: { password } }))
        yield* World.createFunction(
          "user",
          "module.exports = async () => ({ status: 200, body: String(process.pid) })\n",
          { secrets: [reference("db")] }
        )
        yield* World.warm(2)
        const { body: before } = yield* World.call("user")
        yield* World.isSo(
          Effect.map(World.specialized(), (pods) =>
            pods.some(
              ({ metadata }) => metadata.annotations?.["fission.io/references"]?.startsWith("secret/db=") ?? false
            )
          )
        )
        const rotated = { data: { password: Buffer.from("new").toString("base64") } }
        const rotation = Effect.andThen(
          KubernetesApi.use((api) => api.patch(raw, reference("db"), { type: "merge", body: rotated })),
          World.isSo(Effect.map(World.call("user"), ({ body }) => body !== before))
        )
        assert.include([...(yield* underLoad("user", rotation))], before)
        const seen = new Set((yield* Effect.replicateEffect(World.call("user"), 5)).map(({ body }) => body))
        assert.isFalse(seen.has(before))
      })
    )
  })
}
