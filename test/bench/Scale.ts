import { Effect } from "effect"
import { request } from "undici"
import { Namespaces } from "../../src/devcluster/Kinds.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import { elapsed, residentMebibytes, start, until, type ExecutorProcess } from "./ExecutorProcess.ts"
import { askAndGiveBack, createFunction, createPool, getService, poolsAreFull, type Row } from "./Workload.ts"

const namespaces = Array.from({ length: 100 }, (_, index) => `scale-${index}`)
const functionsEach = 10
const pairs = 4000

const createNamespace = Effect.fnUntraced(function* (namespace: string) {
  const api = yield* KubernetesApi
  yield* api.create(Namespaces, { metadata: { name: namespace } })
  yield* createPool({ namespace, name: "pool" }, 1)
  return yield* Effect.forEach(Array.from({ length: functionsEach }).keys(), (index) =>
    createFunction({ namespace, name: `fn-${index}` }, "pool")
  )
})

const allHealthy = ({ metricsUrl }: ExecutorProcess) =>
  until(
    Effect.promise(async () => {
      const answer = await request(`${metricsUrl}/debug/namespaces`)
      return (await answer.body.text()).match(/"state": "Healthy"/gu)?.length === namespaces.length
    })
  )

/** 1,000 functions in 100 namespaces: the start, and the memory after a function of each was called. */
export const scale = Effect.gen(function* () {
  const functions = yield* Effect.forEach(namespaces, createNamespace, { concurrency: 8 })
  const executor = yield* start(namespaces)
  const [thenHealthyAfter] = yield* elapsed(allHealthy(executor))
  const healthyAfter = executor.readyAfter + thenHealthyAfter
  const memoryBefore = residentMebibytes(executor)

  yield* Effect.forEach(namespaces, (namespace) => poolsAreFull(namespace, 1), { concurrency: 8 })
  const called = functions.flatMap(([fn]) => (fn === undefined ? [] : [fn]))
  yield* Effect.forEach(called, (fn) => getService(executor, fn), { concurrency: 16 })
  const [fn = ""] = functions[0]?.slice(1) ?? []
  yield* askAndGiveBack(executor, fn, pairs, 1)

  const seconds = (millis: number) => `${(millis / 1000).toFixed(2)} s`
  const rows: ReadonlyArray<Row> = [
    {
      measure: "start with 1,000 functions in 100 namespaces: listening, ready, every namespace healthy",
      budget: "<= 0.5, -, <= 5 s; stock 17-39 s until ready",
      measured: [executor.listeningAfter, executor.readyAfter, healthyAfter].map(seconds).join(", ")
    },
    {
      measure: `memory there after the start / after 101 cold starts and ${pairs.toLocaleString("en")} warm pairs`,
      budget: "- / <= 200 MiB; stock 321 MiB after load",
      measured: `${memoryBefore.toFixed(0)} / ${residentMebibytes(executor).toFixed(0)} MiB`
    }
  ]
  return rows
})
