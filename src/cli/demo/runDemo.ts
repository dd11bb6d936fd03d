import { Console, Context, Duration, Effect, Exit, Layer, Result, Scope } from "effect"
import { ExecutorApi } from "../../api/ExecutorApi.ts"
import { Settings } from "../../Config.ts"
import { ApiServer } from "../../devcluster/ApiServer.ts"
import * as DevCluster from "../../devcluster/DevCluster.ts"
import { Faults } from "../../devcluster/Faults.ts"
import { Router } from "../../devcluster/Router.ts"
import * as Executor from "../../Executor.ts"
import { Pods } from "../../fission/ResourceKind.ts"
import { isReady } from "../../fission/Workloads.ts"
import * as Credentials from "../../kubernetes/Credentials.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../kubernetes/KubernetesApiLive.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { refuse } from "../Refusal.ts"
import { version } from "../version.ts"
import * as ExecutorLog from "./ExecutorLog.ts"
import { switchAlias } from "./AliasSwitch.ts"
import { freeze } from "./FrozenApi.ts"
import * as Functions from "./Functions.ts"
import { countsRow, millis, seconds, show, until } from "./Report.ts"
import * as Traffic from "./Traffic.ts"

const host = "127.0.0.1"
const namespaces = ["team-a", "team-b", "team-c"]
/** The namespace whose API breaks. */
const broken = "team-b"
const healthy = namespaces.filter((namespace) => namespace !== broken)
/** The namespace in which many call one function at once. */
const crowded = "team-c"
const executorAgent = `fission-executor/${version}`
const outage = Duration.seconds(12)

const readyPods = (namespace: string, labelSelector: string) =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const { items } = yield* api.list(Pods, { namespace, labelSelector })
    return items.filter((item) => {
      const pod = Pods.decode(item)
      return Result.isSuccess(pod) && isReady(pod.success)
    }).length
  })

/** Whether every pool is full, and a pod of each claimed in advance. */
const areFull = Effect.gen(function* () {
  for (const namespace of namespaces) {
    const [warm, reserved] = yield* Effect.all([
      readyPods(namespace, "managed=true"),
      readyPods(namespace, "fission.io/claimed=true")
    ])
    if (warm !== 2 || reserved !== 1) return false
  }
  return true
})

const prepare = Effect.gen(function* () {
  for (const namespace of namespaces) {
    yield* Functions.createEnvironment(namespace)
    yield* Functions.createFunction(namespace, "hello")
    yield* Functions.createFunction(namespace, "later")
    yield* Functions.createFunction(namespace, "frozen")
    yield* Functions.createFunction(namespace, "thawed")
  }
  yield* Functions.createFunction(broken, "afterwards")
  yield* Functions.createFunction(crowded, "crowd")
  const took = yield* until(areFull, Duration.seconds(60))
  return yield* show({
    step: "two warm pods, and one in reserve, in each of three namespaces",
    seen: took === undefined ? "not within a minute" : `ready after ${seconds(took)}`,
    asPromised: took !== undefined
  })
})

const callOnce = (step: string, namespace: string, name: string) =>
  Effect.gen(function* () {
    const { url } = yield* Router
    const { body, status, took } = yield* Traffic.call(url, namespace, name)
    const asPromised = status === 200 && body === `${namespace}/${name}\n`
    return yield* show({ step, seen: `HTTP ${status} in ${millis(took)}`, asPromised })
  })

/** One namespace's API answers with etcd time-outs for a while; everybody is called meanwhile. */
const breakOneNamespace = (log: ExecutorLog.ExecutorLog) =>
  Effect.gen(function* () {
    const { url } = yield* Router
    const faults = yield* Faults
    yield* until(areFull, Duration.seconds(60))
    const mine = { client: executorAgent, namespace: broken }
    yield* faults.inject({ ...mine, action: { type: "error", preset: "etcdTimeout" } })
    yield* faults.inject({ ...mine, action: { type: "dropWatch" } })
    yield* Console.log(`\n  every call of the executor to ${broken} now answers "etcdserver: request timed out"\n`)

    const rows = yield* Effect.scoped(
      Effect.gen(function* () {
        const healthyCounts = yield* Effect.forEach(healthy, (namespace) =>
          Traffic.keepCalling(url, namespace, "hello")
        )
        const brokenCounts = yield* Traffic.keepCalling(url, broken, "hello")
        yield* Effect.sleep(outage)
        const coldStarts = yield* Effect.forEach(healthy, (namespace) =>
          callOnce(`cold start in ${namespace} meanwhile`, namespace, "later")
        )
        const fromReserve = yield* callOnce(`cold start in ${broken} itself, from its reserve`, broken, "later")
        return [
          ...coldStarts,
          fromReserve,
          yield* countsRow(`requests to ${healthy.join(" and ")}`, healthyCounts),
          yield* countsRow(`warm requests to ${broken} itself`, [brokenCounts])
        ]
      })
    )
    const waits = log.waits(broken, "environments")
    const strangers = healthy.map((namespace) => log.warnings(namespace)).reduce((sum, count) => sum + count, 0)
    return [
      ...rows,
      yield* show({
        step: `waits before each further list of ${broken}'s Environments`,
        seen: waits.join(", "),
        asPromised: waits.length > 1
      }),
      yield* show({
        step: `warnings about ${broken}, and about the others`,
        seen: `${log.warnings(broken)}, and ${strangers}`,
        asPromised: log.warnings(broken) > 0 && strangers === 0
      })
    ]
  })

const recover = (log: ExecutorLog.ExecutorLog) =>
  Effect.gen(function* () {
    const cell = (yield* Supervisor).cell(broken)
    yield* (yield* Faults).liftAll
    yield* Console.log("\n  the API answers again\n")
    const isWell = Effect.sync(() => log.failing(broken) === 0 && cell?.health().state === "Healthy")
    const took = yield* until(isWell, Duration.seconds(90))
    const healed = yield* show({
      step: `${broken} is healthy again without a restart`,
      seen: took === undefined ? "not within 90 s" : `after ${seconds(took)}`,
      asPromised: took !== undefined
    })
    return [healed, yield* callOnce(`cold start in ${broken}`, broken, "afterwards")]
  })

/** As many first requests at once as two pods can take. */
const burst = Effect.gen(function* () {
  const { url } = yield* Router
  const answers = yield* Effect.all(
    Array.from({ length: 20 }, () => Traffic.call(url, crowded, "crowd")),
    { concurrency: "unbounded" }
  )
  const failed = answers.filter(({ status }) => status !== 200).length
  const pods = readyPods(crowded, "functionName=crowd")
  // The labels of a pod from the reserve follow the answer.
  yield* until(
    Effect.map(pods, (count) => count === 2),
    Duration.seconds(10)
  )
  const count = yield* pods
  return yield* show({
    step: "20 first requests at once, 10 to a pod",
    seen: `${answers.length - failed} answered, ${failed} failed, by ${count} pods`,
    asPromised: failed === 0 && count === 2
  })
})

/** Names and versions of the pods that functions have. */
const functionPods = Effect.gen(function* () {
  const api = yield* KubernetesApi
  const lists = yield* Effect.forEach(namespaces, (namespace) =>
    api.list(Pods, { namespace, labelSelector: "functionName" })
  )
  return lists
    .flatMap(({ items }) => items.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`))
    .sort()
})

/** The executor stops and a new one, which knows nothing, takes its place, while every function is called. */
const restart = <A, E, R>(stop: Effect.Effect<void>, start: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const { url } = yield* Router
    const before = yield* functionPods
    yield* Console.log("\n  the executor stops, and a new one starts\n")
    const counts = yield* Effect.forEach(namespaces, (namespace) => Traffic.keepCalling(url, namespace, "hello"))
    const sum = () => counts.reduce((total, count) => total + count().answered, 0)
    yield* until(
      Effect.sync(() => sum() > 0),
      Duration.seconds(10)
    )
    yield* stop
    const started = yield* start
    const seen = sum()
    yield* until(
      Effect.sync(() => sum() > seen + 30),
      Duration.seconds(30)
    )
    const after = yield* functionPods
    const kept = before.filter((pod) => after.includes(pod)).length
    return {
      started,
      rows: [
        yield* countsRow("requests to all namespaces meanwhile", counts),
        yield* show({
          step: "function pods taken over without a write",
          seen: `${kept} of ${before.length}`,
          asPromised: kept === before.length && after.length === before.length
        })
      ]
    }
  })

const nothingDeleted = Effect.gen(function* () {
  const deleted = (yield* (yield* DecisionLog).recent()).filter(({ action }) => action === "Deleted")
  return yield* show({ step: "objects deleted", seen: String(deleted.length), asPromised: deleted.length === 0 })
})

const tour = (log: ExecutorLog.ExecutorLog) =>
  Effect.gen(function* () {
    yield* Console.log("\n  an embedded cluster, the executor and a router run in this process\n")
    const kubeConfig = Credentials.fromServer((yield* ApiServer).url)
    const executorOn = (port: number) => Executor.layer({ kubeConfig, userAgent: executorAgent, host, port })

    const first = yield* Scope.fork(yield* Effect.scope)
    const services = yield* Layer.buildWithScope(executorOn(0), first)
    const { port } = Context.get(services, ExecutorApi)
    const router = yield* Layer.build(
      Router.layer({ host, port: 0, executorUrl: `http://${host}:${port}`, namespaces })
    )
    const stop = Scope.close(first, Exit.void)

    const rows = yield* Effect.gen(function* () {
      return [
        yield* prepare,
        yield* callOnce("cold start", "team-a", "hello"),
        yield* callOnce("warm request", "team-a", "hello"),
        yield* callOnce("a second namespace", "team-b", "hello"),
        yield* callOnce("a third", "team-c", "hello"),
        yield* burst,
        ...(yield* switchAlias("team-a")),
        ...(yield* breakOneNamespace(log)),
        ...(yield* recover(log)),
        ...(yield* freeze({ client: executorAgent, namespaces })),
        yield* nothingDeleted
      ]
    }).pipe(Effect.provide(services), Effect.provide(router))
    const restarted = yield* restart(stop, Layer.build(executorOn(port))).pipe(Effect.provide(router))
    rows.push(...restarted.rows, yield* nothingDeleted.pipe(Effect.provide(restarted.started)))

    const differing = rows.filter((row) => !row.asPromised).length
    if (differing > 0) return yield* refuse(`${differing} of ${rows.length} steps differ from what was promised`, 1)
    yield* Console.log(`\n  ${rows.length} of ${rows.length} steps as promised\n`)
  }).pipe(Effect.scoped)

/** Runs the tour; refuses with exit code 1 when anything differs from what it promises. */
export const runDemo = () => {
  const log = ExecutorLog.make()
  const settings = Settings.layer({ FISSION_RESOURCE_NAMESPACES: namespaces.join(","), FINALIZER_ENABLED: "true" })
  const api = Layer.unwrap(
    Effect.map(ApiServer, ({ url }) =>
      KubernetesApiLive.layer(Credentials.fromServer(url), `fission-executor-demo/${version}`)
    )
  )
  return tour(log).pipe(
    Effect.provide(api.pipe(Layer.provideMerge(DevCluster.layer({ host, port: 0, namespaces })))),
    Effect.provide([settings, log.layer])
  )
}
