import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import { Deployments, Environments, Functions, Pods, Services } from "../../src/fission/ResourceKind.ts"
import { isSynced, viewAge, type ViewChange } from "../../src/informers/NamespaceView.ts"
import * as WatchScope from "../../src/informers/WatchScope.ts"
import { etcdTimeout } from "../fakes/Failures.ts"
import { withRandom } from "../fakes/FixedRandom.ts"
import * as KubernetesApiInMemory from "../fakes/KubernetesApiInMemory.ts"

const scopeOf = (workloadNamespace = "team-a") =>
  Effect.gen(function* () {
    const memory = yield* KubernetesApiInMemory.make({ namespaces: ["team-a", "functions"] })
    const changes: Array<ViewChange> = []
    const statuses: Array<WatchScope.KindStatus> = []
    const scope = yield* WatchScope.make({
      namespace: "team-a",
      workloadNamespace,
      startWithin: Duration.seconds(2),
      listener: {
        onChange: (change) => void changes.push(change),
        onStatus: (status) => Effect.sync(() => void statuses.push(status))
      }
    }).pipe(Effect.provide(memory.layer))
    yield* Effect.forkScoped(scope.run)
    return { memory, scope, changes, statuses }
  })

describe("the watch scope of a namespace", () => {
  it.effect("asks nothing before its part of the start is over", () =>
    Effect.gen(function* () {
      const { memory } = yield* scopeOf()
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(memory.lines(), [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(memory.lines("list").toSorted(), [
        "list deployments team-a",
        "list environments team-a",
        "list functions team-a",
        "list packages team-a",
        "list pods team-a",
        "list services team-a"
      ])
    }).pipe(withRandom(0.5))
  )

  it.effect("looks for workloads where they live, and says where each kind is", () =>
    Effect.gen(function* () {
      const { memory, statuses } = yield* scopeOf("functions")
      yield* TestClock.adjust("2 seconds")
      assert.includeMembers([...memory.lines("list")], ["list pods functions", "list functions team-a"])
      const where = (resource: string) => statuses.find((status) => status.resource === resource)?.namespace
      assert.strictEqual(where("deployments"), "functions")
      assert.strictEqual(where("environments"), "team-a")
    })
  )

  it.effect(
    "sees the pods of poolmgr alone, and everybody's Deployments, found by the UIDs they are labelled with",
    () =>
      Effect.gen(function* () {
        const { memory, scope } = yield* scopeOf()
        const metadata = (name: string, executorType: string) => ({
          namespace: "team-a",
          name,
          labels: { executorType, environmentUid: "env-1", functionUid: "fn-1" }
        })
        for (const type of ["poolmgr", "newdeploy"]) {
          memory.put(Pods, { metadata: metadata(`${type}-pod`, type) })
          memory.put(Deployments, { metadata: metadata(`${type}-deployment`, type), spec: {} })
          memory.put(Services, { metadata: metadata(`${type}-service`, type), spec: {} })
        }
        yield* TestClock.adjust("2 seconds")
        const names = (found: Iterable<{ readonly metadata: { readonly name: string } }>) =>
          [...found].map((object) => object.metadata.name)
        assert.deepStrictEqual(names(scope.view.pods.values("team-a")), ["poolmgr-pod"])
        assert.deepStrictEqual(names(scope.view.pods.indexed("environmentUid", "env-1")), ["poolmgr-pod"])
        assert.deepStrictEqual(names(scope.view.pods.indexed("functionUid", "fn-1")), ["poolmgr-pod"])
        assert.deepStrictEqual(names(scope.view.deployments.indexed("environmentUid", "env-1")), ["poolmgr-deployment"])
        assert.deepStrictEqual(names(scope.view.deployments.indexed("functionUid", "fn-1")), ["newdeploy-deployment"])
        assert.deepStrictEqual(names(scope.view.services.indexed("functionUid", "fn-1")), [
          "newdeploy-service",
          "poolmgr-service"
        ])
      })
  )

  it.effect("tells each change with the kind it belongs to", () =>
    Effect.gen(function* () {
      const { changes, memory } = yield* scopeOf()
      yield* TestClock.adjust("2 seconds")
      memory.put(Functions, { metadata: { namespace: "team-a", name: "hello" }, spec: {} })
      memory.put(Environments, { metadata: { namespace: "team-a", name: "node" }, spec: { version: 3, runtime: {} } })
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(
        changes.map(({ change, kind }) => `${kind} ${change.object.metadata.name}`),
        ["functions hello", "environments node"]
      )
    })
  )

  it.effect("goes on with every other kind while one of them fails", () =>
    Effect.gen(function* () {
      const { memory, scope, statuses } = yield* scopeOf()
      memory.intercept((call) => (call.resource === "pods" ? Effect.fail(etcdTimeout(call)) : undefined))
      yield* TestClock.adjust("3 seconds")
      assert.isTrue(scope.view.functions.isSynced())
      assert.isFalse(isSynced(scope.view))
      assert.isTrue(statuses.some((status) => status.resource === "pods" && status.status.state === "BackingOff"))
    })
  )

  it.effect("leaves every back-off at once when it is told to", () =>
    Effect.gen(function* () {
      const { memory, scope } = yield* scopeOf()
      memory.intercept((call) => Effect.fail(etcdTimeout(call)))
      yield* Effect.repeat(TestClock.adjust("1 second"), { times: 120 })
      memory.intercept()
      yield* scope.retryNow
      yield* TestClock.adjust(0)
      assert.isTrue(isSynced(scope.view))
    }).pipe(withRandom(0.999))
  )
})

describe("the age of a view", () => {
  it.effect("is that of its oldest required part, and infinite before that is synced", () =>
    Effect.gen(function* () {
      const { memory, scope } = yield* scopeOf()
      assert.strictEqual(yield* viewAge(scope.view), Duration.infinity)
      yield* TestClock.adjust("2 seconds")
      for (const watch of memory.watches("environments")) watch.mute()
      yield* TestClock.adjust("80 seconds")
      assert.strictEqual(Duration.toMillis(yield* viewAge(scope.view)), 81_000)
    }).pipe(withRandom(0.5))
  )

  it.effect("never reaches that of a stale one while bookmarks come, also from one watch to the next", () =>
    Effect.gen(function* () {
      const { scope } = yield* scopeOf()
      yield* TestClock.adjust("2 seconds")
      for (let second = 0; second < 3600; second++) {
        yield* TestClock.adjust("1 second")
        assert.isTrue(Duration.isLessThan(yield* viewAge(scope.view), Duration.seconds(123)))
      }
    }).pipe(Random.withSeed("bookmarks"))
  )
})
