import { Clock, DateTime, Duration, Effect, Result, type Scope } from "effect"
import { Namespaces, ServiceAccounts } from "../../../src/devcluster/Kinds.ts"
import { Environments, Functions, Packages, Pods } from "../../../src/fission/ResourceKind.ts"
import { isDeleting, isReady } from "../../../src/fission/Workloads.ts"
import { KubernetesApi, KubernetesDeletion, type KubernetesObject } from "../../../src/kubernetes/KubernetesApi.ts"
import { type Subject, Unmet } from "./Subject.ts"

/** Where the executor works. */
export const namespaces = Array.from({ length: 10 }, (_, index) => `chaos-${index}`)
/** Warm pods in each of them. */
const poolSize = 4
const between = Duration.millis(100)

/** A Function as the router knows it. */
export type RouterFunction = KubernetesObject

/** Looks every 20 ms until it is so; how long that took, or `Unmet`. */
export const timeUntil = <R>(what: string, isSo: Effect.Effect<boolean, never, R>, limit: Duration.Input) =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.monotonicTimeNanos
    while (!(yield* isSo)) yield* Effect.sleep("20 millis")
    return Duration.nanos((yield* Clock.monotonicTimeNanos) - startedAt)
  }).pipe(
    Effect.timeoutOrElse({
      duration: limit,
      orElse: () =>
        Effect.fail(new Unmet({ message: `${what}: not within ${Duration.format(Duration.fromInputUnsafe(limit))}` }))
    })
  )

/** Now, as the debug pages take it. */
export const wallClock = Effect.map(Clock.currentTimeMillis, (now) => DateTime.formatIso(DateTime.makeUnsafe(now)))

/** Namespaces, each with an Environment. */
export const furnish = Effect.gen(function* () {
  const api = yield* KubernetesApi
  for (const namespace of namespaces) {
    yield* api.create(Namespaces, { metadata: { name: namespace } })
    yield* api.create(ServiceAccounts, { metadata: { namespace, name: "fission-fetcher" } })
    yield* api.create(Environments, {
      metadata: { namespace, name: "nodejs" },
      spec: { version: 3, poolsize: poolSize, terminationGracePeriod: 0, runtime: { image: "node-env" } }
    })
  }
})

/** Whether each pool is full of pods that nobody claimed. */
export const isFurnished = KubernetesApi.use((api) =>
  Effect.forEach(namespaces, (namespace) => api.list(Pods, { namespace, labelSelector: "managed=true" }))
).pipe(
  Effect.map((lists) =>
    lists.every(({ items }) => {
      const pods = items.map((item) => Result.getOrThrow(Pods.decode(item)))
      return pods.filter((pod) => isReady(pod) && !isDeleting(pod.metadata)).length >= poolSize
    })
  ),
  Effect.catch(() => Effect.succeed(false))
)

/** Creates a Function with its Package. */
export const createFunction = Effect.fnUntraced(function* (namespace: string, name: string) {
  const api = yield* KubernetesApi
  const environment = { namespace, name: "nodejs" }
  const metadata = { namespace, name }
  const literal = Buffer.from("module.exports = async () => ({ status: 200, body: 'ok' })").toString("base64")
  yield* api.create(Packages, { metadata, spec: { environment, deployment: { type: "literal", literal } } })
  return yield* api.create(Functions, {
    metadata,
    spec: {
      environment,
      package: { packageref: metadata },
      InvokeStrategy: { StrategyType: "execution", ExecutionStrategy: { ExecutorType: "poolmgr" } },
      functionTimeout: 60,
      requestsPerPod: 100,
      idletimeout: 3600
    }
  })
})

/** Removes Functions, as `fission function delete` does. */
export const removeFunctions = Effect.fnUntraced(function* (functions: ReadonlyArray<RouterFunction>) {
  const deletion = yield* KubernetesDeletion
  for (const { metadata } of functions) {
    const reference = { namespace: metadata.namespace ?? "", name: metadata.name }
    yield* Effect.ignore(deletion.delete(Functions, reference, { uid: metadata.uid ?? "" }))
  }
})

/** Whether the executor holds them all, so that it hears of their deletion whatever happens to its watches. */
export const areHeld = (functions: ReadonlyArray<RouterFunction>) =>
  KubernetesApi.use((api) =>
    Effect.forEach(functions, ({ metadata }) =>
      api.get(Functions, { namespace: metadata.namespace ?? "", name: metadata.name })
    )
  ).pipe(
    Effect.map((live) => live.every(({ metadata }) => (metadata.finalizers ?? []).length > 0)),
    Effect.catch(() => Effect.succeed(false))
  )

/** Whether each has a pod whose last patch is written: until then a deletion would not find it in the executor's view. */
export const areServed = (functions: ReadonlyArray<RouterFunction>) =>
  KubernetesApi.use((api) =>
    Effect.forEach(functions, ({ metadata }) =>
      api.list(Pods, {
        namespace: metadata.namespace ?? "",
        labelSelector: `functionName=${metadata.name},fission.io/served=true`
      })
    )
  ).pipe(
    Effect.map((lists) => lists.every(({ items }) => items.length > 0)),
    Effect.catch(() => Effect.succeed(false))
  )

/** Whether neither they nor pods of theirs are left. */
export const areGone = (functions: ReadonlyArray<RouterFunction>) =>
  KubernetesApi.use((api) =>
    Effect.forEach(functions, ({ metadata }) =>
      Effect.gen(function* () {
        const { name } = metadata
        const namespace = metadata.namespace ?? ""
        const pods = yield* api.list(Pods, { namespace, labelSelector: `functionName=${name}` })
        const left = yield* Effect.result(api.get(Functions, { namespace, name }))
        return pods.items.length === 0 && Result.isFailure(left)
      })
    )
  ).pipe(
    Effect.map((gone) => gone.every((one) => one)),
    Effect.catch(() => Effect.succeed(false))
  )

/** Asks for an address as the router does, and gives it back as it does; whether there was one. */
export const ask = (subject: Subject, fn: RouterFunction): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const { body, status } = yield* subject.post("/v2/getServiceForFunction", JSON.stringify(fn))
    if (status !== 200) return false
    const tap = { FnMetadata: fn.metadata, FnExecutorType: "poolmgr", ServiceURL: body }
    yield* subject.post("/v2/unTapService", JSON.stringify(tap))
    return true
  })

/** Requests and how many of them got no address. */
export interface Counts {
  readonly requests: number
  readonly failed: number
}

/** Asks for a function again and again until the scope closes; the counts are read at any time. */
export const keepAsking = (subject: Subject, fn: RouterFunction): Effect.Effect<() => Counts, never, Scope.Scope> =>
  Effect.gen(function* () {
    let requests = 0
    let failed = 0
    const once = Effect.map(ask(subject, fn), (answered) => {
      requests++
      if (!answered) failed++
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(once, Effect.sleep(between))))
    return () => ({ requests, failed })
  })
