import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Duration, Effect, Layer, Logger } from "effect"
import { ApiServer } from "../../../src/devcluster/ApiServer.ts"
import { ControllersLayer } from "../../../src/devcluster/controllers/Controllers.ts"
import { Faults } from "../../../src/devcluster/Faults.ts"
import { PodLogs } from "../../../src/devcluster/PodLogs.ts"
import * as Credentials from "../../../src/kubernetes/Credentials.ts"
import type { KubernetesApi, KubernetesDeletion } from "../../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../../src/kubernetes/KubernetesApiLive.ts"
import * as StandInPods from "../../bench/StandInPods.ts"
import * as EmbeddedFaults from "./EmbeddedFaults.ts"
import { assets } from "../../contract/RealServer.ts"
import { RealCluster } from "./RealCluster.ts"
import * as RealFaults from "./RealFaults.ts"
import { play, playTwenty, type Row, type Scenario, type Stage } from "./Scenario.ts"
import * as Subject from "./Subject.ts"
import * as Workload from "./Workload.ts"

/*
 * Replays every class of faults against a running executor, in real time, and prints what was seen: `npm run test:chaos`.
 * Words after `--` pick the faults whose names contain one of them. Exit code 1 if a row shows anything that none may.
 */

const picked = process.argv.slice(2)
const isPicked = ({ fault }: { readonly fault: string }) =>
  picked.length === 0 || picked.some((word) => fault.includes(word))

/** The executor, started, with a warm function in each namespace. */
const prepare = Effect.fnUntraced(function* (
  cluster: ReadonlyArray<string>,
  listsOf: (subject: Subject.Subject) => Effect.Effect<number>
) {
  yield* Effect.orDie(Workload.furnish)
  const subject = yield* Subject.make({ namespaces: Workload.namespaces, cluster })
  yield* subject.start
  yield* Workload.timeUntil("the pools are full", Workload.isFurnished, "120 seconds")
  const warm = yield* Effect.orDie(
    Effect.forEach(Workload.namespaces, (namespace) => Workload.createFunction(namespace, "warm"))
  )
  for (const fn of warm) yield* Workload.timeUntil("a first cold start", Workload.ask(subject, fn), "30 seconds")
  yield* Workload.timeUntil("the pools are full", Workload.isFurnished, "60 seconds")
  const stage: Stage = { subject, warm, lists: listsOf(subject) }
  return stage
})

const shown = (row: Row): string =>
  [
    row.fault,
    row.requests,
    row.failedWarm,
    `${row.failedCold} of ${row.cold}`,
    row.deleted,
    `${Duration.toSeconds(row.recovery).toFixed(2)} s`,
    row.lists,
    row.memory,
    ...(row.unmet.length === 0 ? [] : [`**${row.unmet.join("; ")}**`])
  ].join(" | ")

const playAll = <R>(
  stage: Stage,
  scenarios: ReadonlyArray<Scenario<R>>
): Effect.Effect<ReadonlyArray<Row>, Subject.Unmet, R | KubernetesApi | KubernetesDeletion> =>
  Effect.forEach(scenarios.filter(isPicked), (scenario) =>
    Effect.tap(play(stage, scenario), (row) => Console.log(`| ${shown(row)} |`))
  )

const header = Console.log(
  [
    "| fault | warm requests | failed warm | failed cold | objects deleted | recovery | LISTs then | memory |",
    "|---|---|---|---|---|---|---|---|"
  ].join("\n")
)

const embedded = Effect.gen(function* () {
  const { requests, url } = yield* ApiServer
  const lists = Effect.sync(() => {
    let count = 0
    for (const [key, number] of requests("fission-executor/")) if (key.startsWith("list ")) count += number
    return count
  })
  const stage = yield* prepare(["--api-server", url], () => lists)
  const rows = yield* playAll(stage, [...EmbeddedFaults.faults, ...EmbeddedFaults.recordedAnswers])
  if (!isPicked(EmbeddedFaults.shortOutage)) return rows
  const twenty = yield* playTwenty(stage, EmbeddedFaults.shortOutage)
  yield* Console.log(`| ${shown(twenty)} |`)
  return [...rows, twenty]
}).pipe(Effect.scoped)

const host = "127.0.0.1"

/** An API server in memory with controllers and stand-in pods. */
const embeddedCluster = Layer.unwrap(
  Effect.map(ApiServer, ({ url }) =>
    Layer.merge(ControllersLayer, StandInPods.layer).pipe(
      Layer.provideMerge(KubernetesApiLive.layer(Credentials.fromServer(url), "chaos"))
    )
  )
).pipe(
  Layer.provideMerge(ApiServer.layer({ host, port: 0 })),
  Layer.provideMerge(Layer.merge(Faults.layer, PodLogs.layer))
)

const real = Effect.fnUntraced(function* (scenarios: ReadonlyArray<Scenario<RealCluster>>) {
  const { executor } = yield* RealCluster
  const stage = yield* prepare(["--kubeconfig", executor], ({ relists }) => relists)
  return yield* playAll(stage, scenarios)
}, Effect.scoped)

/** A real etcd and API server, with the controllers and pods that they lack. */
const realCluster = (folder: string, members: 1 | 3) =>
  Layer.unwrap(
    Effect.map(RealCluster, ({ administrator }) =>
      Layer.merge(ControllersLayer, StandInPods.layer).pipe(
        Layer.provideMerge(KubernetesApiLive.layer(Credentials.fromFile(administrator), "chaos"))
      )
    )
  ).pipe(Layer.provideMerge(RealCluster.layer(folder, members)))

/** None where there is no server, and where no scenario is picked. */
const onRealServers = (members: 1 | 3, scenarios: ReadonlyArray<Scenario<RealCluster>>) =>
  assets === undefined || !scenarios.some(isPicked)
    ? Effect.succeed([])
    : Effect.provide(real(scenarios), realCluster(assets, members))

const suite = Effect.gen(function* () {
  yield* header
  const rows = [
    ...(EmbeddedFaults.all.some(isPicked) ? yield* Effect.provide(embedded, embeddedCluster) : []),
    ...(yield* onRealServers(1, RealFaults.faults)),
    ...(yield* onRealServers(3, RealFaults.quorumFaults))
  ]
  if (assets === undefined) {
    yield* Console.log("\nKUBEBUILDER_ASSETS names no folder with etcd and kube-apiserver: no real servers.")
  }
  const unmet = rows.filter((row) => row.unmet.length > 0).length
  if (unmet > 0) return yield* new Subject.Unmet({ message: `${unmet} of ${rows.length} rows show what none may` })
})

suite.pipe(Effect.provide(Logger.layer([])), NodeRuntime.runMain)
