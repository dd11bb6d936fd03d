import { assert, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import * as FunctionSeries from "../../src/caches/FunctionSeries.ts"

it.effect("a thousand functions keep their series, and the one that was updated least recently goes", () =>
  Effect.gen(function* () {
    const update = FunctionSeries.make(Metric.counter("uses_total"), yield* Effect.context<never>())
    for (let index = 0; index < 1000; index++) update({ namespace: "default", name: `fn-${index}` }, 1)
    update({ namespace: "default", name: "fn-0" }, 1)
    update({ namespace: "default", name: "fn-1000" }, 1)
    const series = (yield* Metric.snapshot).filter(({ id }) => id === "uses_total")
    const named = (name: string) => series.find(({ attributes }) => attributes?.["function_name"] === name)
    assert.strictEqual(series.length, 1000)
    assert.isUndefined(named("fn-1"))
    assert.deepInclude(named("fn-0")?.state, { count: 2 })
    assert.deepInclude(named("fn-1000")?.state, { count: 1 })
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
)
