import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Settings } from "../src/Config.ts"

const read = (variables: { readonly [name: string]: string }) =>
  Effect.provide(Effect.service(Settings), Settings.layer(variables))

describe("the bound of creations", () => {
  it.effect.each([
    ["", 0, 0],
    ["8", 8, 0],
    ["0", 0, 0],
    ["-3", 0, 0],
    ["many", 0, 1]
  ] as const)("is read from '%s' as %d", ([text, bound, invalid]) =>
    Effect.gen(function* () {
      const settings = yield* read({ EXECUTOR_SPECIALIZATION_CONCURRENCY: text })
      assert.deepStrictEqual([settings.specializationConcurrency, settings.invalid.length], [bound, invalid])
    })
  )
})

describe("the bound of one function's creations in flight", () => {
  it.effect.each([
    ["", 20, 0],
    ["5", 5, 0],
    ["0", 0, 0],
    ["-3", 20, 1],
    ["many", 20, 1]
  ] as const)("is read from '%s' as %d", ([text, bound, invalid]) =>
    Effect.gen(function* () {
      const settings = yield* read({ EXECUTOR_MAX_PENDING_SPECIALIZATIONS_PER_FUNCTION: text })
      assert.deepStrictEqual([settings.maxPendingSpecializations, settings.invalid.length], [bound, invalid])
    })
  )
})
