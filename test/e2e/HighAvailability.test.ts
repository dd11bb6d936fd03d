import { assert, layer } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { Settings } from "../../src/Config.ts"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import * as DevCluster from "../../src/devcluster/DevCluster.ts"
import { Faults } from "../../src/devcluster/Faults.ts"
import { Router } from "../../src/devcluster/Router.ts"
import * as Executor from "../../src/Executor.ts"
import { executorAddress } from "../../src/fission/Lease.ts"
import { Leases } from "../../src/fission/ResourceKind.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import { KubernetesApi, type KubernetesObject } from "../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"
import { Supervisor } from "../../src/namespaces/Supervisor.ts"
import { freePort } from "../cli/CommandProcess.ts"
import * as CapturedLog from "../fakes/CapturedLog.ts"
import * as World from "./World.ts"

const host = "127.0.0.1"
const settings = Settings.layer({
  FINALIZER_ENABLED: "true",
  LEADER_ELECTION_ENABLED: "true",
  FISSION_LEASE_NAMESPACE: "default",
  EXECUTOR_LEASE_DURATION: "6s"
})

const cluster = Layer.unwrap(
  Effect.map(ApiServer, ({ url }) => KubernetesApiLive.layer(Credentials.fromServer(url), "test"))
).pipe(
  Layer.provideMerge(DevCluster.layer({ host, port: 0, namespaces: ["default"] })),
  Layer.orDie,
  Layer.provideMerge(
    Layer.unwrap(Effect.map(CapturedLog.make, (log) => Layer.merge(Layer.succeed(World.Log, log), log.layer)))
  )
)

/** A replica of the executor, and how it ends in an orderly way. */
const replica = Effect.fnUntraced(function* (userAgent: string) {
  const { url } = yield* ApiServer
  const scope = yield* Scope.fork(yield* Effect.scope)
  const port = yield* freePort
  const kubeConfig = Credentials.fromServer(url)
  const context = yield* Layer.buildWithScope(
    Executor.layer({ kubeConfig, userAgent, host, port }).pipe(Layer.provide(settings)),
    scope
  )
  yield* World.isSo(Effect.map(World.http(`http://${host}:${port}/readyz`), ({ status }) => status === 200))
  return { port, supervisor: Context.get(context, Supervisor), stop: Scope.close(scope, Exit.void) }
})

/** Address of the replica that the Lease names. */
const leader = KubernetesApi.use((api) => api.get(Leases, { namespace: "default", name: "fission-executor" })).pipe(
  Effect.map(({ metadata, spec }) =>
    Object(spec).holderIdentity === "" ? undefined : metadata.annotations?.[executorAddress]
  ),
  Effect.catchTag("KubernetesNotFound", () => Effect.undefined)
)

const isLeader = ({ port }: { readonly port: number }) =>
  World.isSo(Effect.map(leader, (address) => address === `${host}:${port}`))

const routerBefore = ({ port }: { readonly port: number }) =>
  Effect.map(
    Layer.build(Router.layer({ host, port: 0, executorUrl: `http://${host}:${port}`, namespaces: ["default"] })),
    (context) => {
      const { url } = Context.get(context, Router)
      return (name: string) => World.http(`${url}/fission-function/${name}`)
    }
  )

/** The body of the first good answer: a router that has just started knows no function yet. */
const answerOf = (call: Effect.Effect<World.Answer>) =>
  World.eventually(Effect.map(call, ({ body, status }) => (status === 200 ? body : undefined)))

/** Writes of a replica that are not about the lease or Events. */
const writesOf = (userAgent: string) =>
  ApiServer.use((server) =>
    Effect.sync(() =>
      [...server.requests(userAgent)].filter(
        ([key]) => /^(create|update|patch|delete)/u.test(key) && !/leases|events/u.test(key)
      )
    )
  )

/** What one replica answers when it is asked for the address of a function. */
const askAt = Effect.fnUntraced(function* ({ port }: { readonly port: number }, fn: KubernetesObject) {
  const url = `http://${host}:${port}/v2/getServiceForFunction`
  const { body, headers, status } = yield* World.http(url, { method: "POST", body: JSON.stringify(fn) })
  return { status, body, retryAfter: headers["retry-after"] }
})

layer(cluster, { excludeTestServices: true })("two replicas with leader election", (it) => {
  it.effect("18.3: are both ready, one of them works, and a call to either gets the same pod", () =>
    Effect.gen(function* () {
      const first = yield* replica("replica/first")
      yield* isLeader(first)
      const second = yield* replica("replica/second")
      yield* World.createEnvironment()
      yield* World.createFunction("hello")
      yield* World.warm(2)
      const [throughFirst, throughSecond] = [yield* routerBefore(first), yield* routerBefore(second)]

      assert.strictEqual(yield* answerOf(throughSecond("hello")), "hello")
      assert.strictEqual(yield* answerOf(throughFirst("hello")), "hello")
      yield* World.isSo(Effect.map(World.specialized(), (pods) => pods.length === 1))
      assert.isNotEmpty(yield* writesOf("replica/first"))
      assert.deepStrictEqual(yield* writesOf("replica/second"), [])

      // The leader is replaced while a router goes on asking the other replica.
      let answered = 0
      let failed = 0
      const load = Effect.forever(
        Effect.andThen(throughSecond("hello"), ({ status }) =>
          Effect.sync(() => (status === 200 ? answered++ : failed++))
        )
      )
      const loading = yield* Effect.forkChild(load)
      yield* World.isSo(Effect.sync(() => answered > 20))
      yield* first.stop
      yield* isLeader(second)
      const third = yield* replica("replica/third")
      const before = answered
      yield* World.isSo(Effect.sync(() => answered > before + 20))
      yield* Fiber.interrupt(loading)

      assert.strictEqual(failed, 0)
      assert.lengthOf(yield* World.specialized(), 1)
      // The one pod of the reserve that the first replica gave back.
      assert.deepStrictEqual(yield* writesOf("replica/second"), [["patch pods default", 1]])
      assert.deepStrictEqual(yield* writesOf("replica/third"), [])

      // And the new leader makes what is needed.
      yield* World.createFunction("later")
      assert.strictEqual(yield* answerOf((yield* routerBefore(third))("later")), "later")
    })
  )
})

layer(cluster, { excludeTestServices: true })("a leader that is cut off from the API", (it) => {
  it.effect("goes on serving, and no pod that serves is lost when another replica takes over", () =>
    Effect.gen(function* () {
      const first = yield* replica("outage/first")
      yield* isLeader(first)
      const second = yield* replica("outage/second")
      yield* World.createEnvironment()
      const [warm, cold, colder] = yield* Effect.forEach(["warm", "cold", "colder"], (name) =>
        World.createFunction(name)
      )
      if (warm === undefined || cold === undefined || colder === undefined) return assert.fail("three were made")
      yield* World.isSo(Effect.map(askAt(first, warm), ({ status }) => status === 200))
      yield* World.reserved(1)
      const { body: address } = yield* askAt(first, warm)
      const written = (yield* writesOf("outage/first")).filter(([key]) => !key.startsWith("patch pods"))

      const faults = yield* Faults
      yield* faults.inject({ client: "outage/first", action: { type: "error", preset: "etcdTimeout" } })
      yield* faults.inject({ client: "outage/first", action: { type: "dropWatch" } })
      const log = yield* World.Log
      yield* World.isSo(Effect.sync(() => log.lines.some(({ message }) => message.includes("leads no more"))))

      // Demoted: warm and one cold start are answered, the next has to ask the leader.
      assert.deepInclude(yield* askAt(first, warm), { status: 200, body: address })
      const started = yield* askAt(first, cold)
      assert.strictEqual(started.status, 200)
      const refused = yield* askAt(first, colder)
      assert.deepInclude(refused, { status: 503, retryAfter: "1" })
      assert.match(refused.body, /^not the leader; retry against the executor service \[choose_pod \d+ ms\]\n$/u)

      yield* isLeader(second)
      assert.strictEqual((yield* askAt(second, colder)).status, 200)
      yield* faults.liftAll

      // Its labels follow although another one leads, which hands the pod out from then on.
      yield* World.isSo(Effect.map(World.podsOf("default", "functionName=cold"), (pods) => pods.length === 1))
      yield* World.isSo(Effect.map(askAt(second, cold), ({ body }) => body === started.body))
      yield* World.isSo(Effect.map(askAt(first, cold), ({ body }) => body === started.body))
      assert.deepStrictEqual(
        (yield* writesOf("outage/first")).filter(([key]) => !key.startsWith("patch pods")),
        written
      )
      const deletes = [...(yield* writesOf("outage/first")), ...(yield* writesOf("outage/second"))].filter(([key]) =>
        key.startsWith("delete")
      )
      assert.deepStrictEqual(deletes, [])
    })
  )
})
