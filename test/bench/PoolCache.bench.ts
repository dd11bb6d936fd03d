import { Effect } from "effect"
import { test } from "vitest"
import { PoolCache, type PoolCache as Cache } from "../../src/caches/PoolCache.ts"
import { hello, podOf } from "../caches/PoolRequests.ts"

/** A warm hit and its release, by the number of pods of the function. */
const batch = 1000

const cacheOf = (pods: number) =>
  Effect.runSync(
    Effect.gen(function* () {
      const cache = yield* PoolCache
      for (let index = 0; index < pods; index++) {
        cache.adopt(podOf(`pod-${index}`), { requestsPerPod: 1, retainPods: 0 })
      }
      return cache
    }).pipe(Effect.provide(PoolCache.layer))
  )

const demand = { fn: hello, requestsPerPod: 1, concurrency: 500, retainPods: 0, inputs: "package 1" }

const hitAndRelease = (cache: Cache["Service"]) =>
  Effect.uninterruptible(
    Effect.flatMap(cache.admit(demand), (admission) => {
      if (admission._tag === "Miss") return Effect.die("a warm pod was not hit")
      admission.slot.release()
      return Effect.void
    })
  )

const hits = (pods: number) => {
  const hit = hitAndRelease(cacheOf(pods))
  const run = Effect.gen(function* () {
    for (let count = 0; count < batch; count++) yield* hit
  })
  return () => Effect.runSync(run)
}

test(`${batch} warm hits and releases`, async ({ bench }) => {
  const options = { time: 1000, warmupTime: 200 }
  const result = await bench.compare(
    bench("1 pod", hits(1)),
    bench("10 pods", hits(10)),
    bench("500 pods", hits(500)),
    options
  )
  for (const name of ["1 pod", "10 pods", "500 pods"] as const) {
    const micros = (result.get(name).latency.mean * 1000) / batch
    process.stdout.write(`${name.padEnd(9)} ${micros.toFixed(2)} µs a hit\n`)
  }
})
