import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Events } from "../../src/fission/ResourceKind.ts"
import { objectOf } from "../../src/podspec/Json.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import { running, settle } from "../fakes/ExecutorInMemory.ts"

const podspec = {
  containers: [{ name: "nodejs", image: "node-env" }],
  dnsConfig: { nameservers: ["10.0.0.10"] }
}

it.effect.each([
  ["Environment", "nodejs", {}],
  ["Function", "hello", { InvokeStrategy: { ExecutionStrategy: { ExecutorType: "newdeploy", MinScale: 1 } } }]
] as const)(
  "W31, W37: an Event on the %s names the fields of its pod spec that are not taken, once",
  ([kind, name, spec]) =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make()
      world.environment({ spec: { runtime: { image: "node-env", podspec } } })
      world.fn({ spec })
      const told = () =>
        world.api
          .list(Events, "default")
          .filter(
            (event) => event["reason"] === "PodSpecFieldsIgnored" && objectOf(event["involvedObject"])["kind"] === kind
          )
      yield* running(
        world,
        Effect.gen(function* () {
          for (let round = 0; round < 5; round++) yield* settle
          const [event, ...others] = told()
          assert.deepStrictEqual(others, [])
          assert.strictEqual(objectOf(event?.["involvedObject"])["name"], name)
          assert.include(String(event?.["message"]), "dnsConfig")
        })
      )
    })
)
