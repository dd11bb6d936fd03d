import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import type { FunctionGeneration, PoolCache } from "../../src/caches/PoolCache.ts"
import { hello, podOf, scenario } from "./PoolRequests.ts"

type Cache = PoolCache["Service"]

const never = () => false
const always = () => true

/** Pods that the reaper is offered, by name. */
const idleNames = (cache: Cache, retained: (uid: string, generation: number) => boolean = never) =>
  cache.idle("default", retained).map(({ pod }) => pod.name)

const generation = (number: number): FunctionGeneration => ({ ...hello, generation: number })

const adopt = (cache: Cache, names: ReadonlyArray<string>, retainPods: number, fn = hello) => {
  for (const name of names) cache.adopt(podOf(name, { fn }), { requestsPerPod: 1, retainPods })
}

describe("retention of two generations", () => {
  const cases = [
    { row: "V1", older: { retain: 1, pods: ["a"] }, latest: { retain: 1, pods: ["b"] }, retained: never, idle: ["a"] },
    {
      row: "V2",
      older: { retain: 1, pods: ["a"] },
      latest: { retain: 0, pods: ["b"] },
      retained: never,
      idle: ["a", "b"]
    },
    { row: "V3", older: { retain: 1, pods: ["a"] }, latest: { retain: 0, pods: ["b"] }, retained: always, idle: ["b"] },
    { row: "V5", older: { retain: 0, pods: ["a"] }, latest: { retain: 1, pods: ["b"] }, retained: never, idle: ["a"] },
    {
      row: "V6",
      older: { retain: 0, pods: ["a", "c"] },
      latest: { retain: 1, pods: ["b"] },
      retained: always,
      idle: ["a"]
    },
    {
      row: "V7",
      older: { retain: 2, pods: ["a", "c"] },
      latest: { retain: 1, pods: ["b"] },
      retained: always,
      idle: []
    },
    { row: "V8", older: { retain: 1, pods: ["a"] }, latest: { retain: 0, pods: ["b"] }, retained: always, idle: ["b"] },
    { row: "V11", older: { retain: 0, pods: ["a"] }, latest: { retain: 1, pods: ["b"] }, retained: always, idle: [] }
  ]
  for (const { idle, latest, older, retained, row } of cases) {
    const referred = retained === always ? "referred to" : "not referred to"
    const name = `${row} offers ${idle.join(" and ") || "nothing"}: ${older.retain} to retain of the older, ${referred}`
    scenario(`${name}, ${latest.retain} of the latest`, {}, ({ cache }) =>
      Effect.sync(() => {
        adopt(cache, older.pods, older.retain, generation(1))
        adopt(cache, latest.pods, latest.retain, generation(2))
        assert.sameMembers(idleNames(cache, retained), idle)
      })
    )
  }

  for (const { retain, row } of [
    { row: "V4", retain: 1 },
    { row: "V10", retain: 0 }
  ]) {
    scenario(`${row} keeps nothing of a deleted function that asked for ${retain}`, {}, ({ cache }) =>
      Effect.sync(() => {
        adopt(cache, ["a"], retain)
        cache.markFunctionDeleted(hello.uid)
        assert.deepStrictEqual(idleNames(cache, always), ["a"])
      })
    )
  }

  scenario("V9 offers every generation of a deleted function and says so", {}, ({ cache }) =>
    Effect.sync(() => {
      adopt(cache, ["a"], 0, generation(3))
      adopt(cache, ["b"], 1, generation(6))
      cache.markFunctionDeleted(hello.uid)
      assert.deepStrictEqual(
        cache.idle("default", always).map(({ deleted, pod }) => [pod.name, deleted]),
        [
          ["a", true],
          ["b", true]
        ]
      )
    })
  )

  scenario("asks about older generations only", {}, ({ cache }) =>
    Effect.sync(() => {
      adopt(cache, ["a"], 0, generation(1))
      adopt(cache, ["b"], 0, generation(2))
      const asked: Array<readonly [string, number]> = []
      idleNames(cache, (uid, number) => asked.push([uid, number]) > 0)
      assert.deepStrictEqual(asked, [[hello.uid, 1]])
    })
  )
})
