import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { running } from "../../fakes/ExecutorInMemory.ts"
import { effectOf, patchedMetadata, recorded } from "./Recordings.ts"
import { makeStage, scenarios } from "./Scenarios.ts"

/** How our requests may differ from the recorded ones in every scenario. `ours` undefined: we send none. */
const permitted: ReadonlyArray<{ readonly recorded: RegExp; readonly ours?: string; readonly reason: string }> = [
  {
    recorded: /^GET /u,
    reason: "views answer; a live read comes before a guarded update and before a proof of absence"
  },
  {
    recorded: /^PUT functions$/u,
    ours: "PATCH functions",
    reason: "the finalizer and nothing else (lifecycle.md section 7)"
  },
  { recorded: /^PUT functions\/status$/u, ours: "PATCH functions/status", reason: "one condition, by a merge patch" }
]

const poolmgrObjects =
  /\/(pods|deployments)(\/poolmgr-[^/]+)?$|\/functions\/[^/]+(\/status)?$|\/services(\/fn-[^/]+)?$/u

/** The effects without these, each once. */
const without = (effects: ReadonlyArray<string>, spared: ReadonlyArray<string>) =>
  spared.reduce((left, effect) => left.toSpliced(left.indexOf(effect), left.includes(effect) ? 1 : 0), [...effects])

const changes = (effects: ReadonlyArray<string>) => effects.filter((effect) => !effect.startsWith("GET "))

/** The stock executor tells nobody why a function does not start (observability.md O22). */
const withoutEvents = (effects: ReadonlyArray<string>) => effects.filter((effect) => effect !== "POST events")

const replayed = (effects: ReadonlyArray<string>) =>
  effects.flatMap((effect) => {
    const difference = permitted.find(({ recorded }) => recorded.test(effect))
    if (difference === undefined) return [effect]
    return difference.ours === undefined ? [] : [difference.ours]
  })

describe("the requests of a recorded scenario", () => {
  it.effect.each(scenarios)(
    "$name: have the same effect, and are no more",
    ({ about = poolmgrObjects, instead, name, play, spared }) =>
      Effect.gen(function* () {
        const stage = yield* makeStage
        yield* running(stage.world, Effect.andThen(stage.begin, play(stage)))
        const stock = recorded(name, about)
        const expected = instead?.ours ?? without(replayed(stock.map(effectOf)), spared?.effects ?? [])
        const ours = changes(withoutEvents(stage.ours()))
        assert.deepStrictEqual([...ours].sort(), [...expected].sort())
        if (instead === undefined) {
          assert.isAtMost(withoutEvents(stage.ours()).length, stock.length)
          const patches = stock.filter(({ method, path }) => method === "PATCH" && path.includes("/pods/"))
          const sorted = (bodies: ReadonlyArray<unknown>) => bodies.map((body) => JSON.stringify(body)).sort()
          assert.deepStrictEqual(
            sorted(stage.patchesOfPods()),
            sorted(patches.map(({ request }) => patchedMetadata(request)))
          )
        }
      })
  )
})
