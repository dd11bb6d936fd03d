import { assert, it } from "@effect/vitest"
import { Arbitrary, Duration, Effect, Logger, Schema } from "effect"
import { TestClock } from "effect/testing"
import { PoolCache } from "../../src/caches/PoolCache.ts"
import { type ModelSettings, makeModel } from "./PoolModel.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** Which function generation, pod, request or reservation a step takes: an index into what there is, modulo its length. */
const pick = upTo(7)

const Step = Schema.Union([
  Schema.Struct({ _tag: Schema.Literals(["Get", "Reserve", "UnTap", "Release", "Leave", "Remove", "Touch"]), pick }),
  Schema.Struct({ _tag: Schema.Literals(["Succeed", "Adopt"]), pick, leaving: Schema.Boolean }),
  Schema.Struct({ _tag: Schema.Literal("Fail"), pick, final: Schema.Boolean, leaving: Schema.Boolean }),
  Schema.Struct({ _tag: Schema.Literal("Measure"), pick, busy: Schema.Boolean }),
  Schema.Struct({ _tag: Schema.Literal("Pass"), seconds: upTo(3) }),
  Schema.Struct({ _tag: Schema.Literals(["Reap", "DeleteFunction", "Publish"]), pick })
])
type Step = typeof Step.Type

const settings: Arbitrary.Arbitrary<ModelSettings> = Arbitrary.schema(
  Schema.Struct({
    requestsPerPod: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })),
    concurrency: upTo(3),
    shared: Schema.Boolean
  })
)
const steps = Arbitrary.array(Arbitrary.schema(Step), { maxLength: 60 })

it.effect.prop(
  "no slot, reservation or waiting request is ever lost, whatever happens in whatever order",
  [settings, steps],
  ([settings, steps]) =>
    Effect.gen(function* () {
      const model = yield* makeModel(settings)
      for (const step of steps) {
        yield* perform(model, step)
        model.check()
      }
      yield* model.settle
      model.check()
      assert.deepStrictEqual(model.unanswered(), [])
      for (const { active, p, q, w } of model.cache.snapshot()) assert.deepStrictEqual([active, p, q, w], [0, 0, 0, 0])
    }).pipe(Effect.provide(PoolCache.layer), Effect.provide(Logger.layer([]))),
  { arbitrary: { runs: 400, size: 60 } }
)

type Model = Effect.Success<ReturnType<typeof makeModel>>

const perform = (model: Model, step: Step): Effect.Effect<void> => {
  switch (step._tag) {
    case "Get":
      return model.get(step.pick)
    case "Reserve":
      return model.reserve(step.pick)
    case "Succeed":
      return model.succeed(step.pick, step.leaving)
    case "Fail":
      return model.fail(step.pick, step.final, step.leaving)
    case "Adopt":
      return model.adopt(step.pick, step.leaving)
    case "Release":
      return model.release(step.pick)
    case "UnTap":
      return model.unTap(step.pick)
    case "Leave":
      return model.leave(step.pick)
    case "Remove":
      return model.remove(step.pick)
    case "Touch":
      return model.touch(step.pick)
    case "Measure":
      return model.measure(step.pick, step.busy)
    case "Reap":
      return model.reap(Duration.seconds(step.pick))
    case "DeleteFunction":
      return model.deleteFunction(step.pick)
    case "Publish":
      return model.publish(step.pick)
    case "Pass":
      return TestClock.adjust(Duration.seconds(step.seconds))
  }
}
