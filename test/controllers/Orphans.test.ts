import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import { OrphanReport } from "../../src/controllers/OrphanReport.ts"
import { functionObjectName } from "../../src/fission/FunctionObjectName.ts"
import {
  Deployments,
  Environments,
  Functions,
  HorizontalPodAutoscalers,
  Pods,
  Services
} from "../../src/fission/ResourceKind.ts"
import { answer } from "../../src/observability/DebugRoutes.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import { ask, running, settle } from "../fakes/ExecutorInMemory.ts"
import { etcdTimeout, expired } from "../fakes/Failures.ts"
import * as DeploymentWorld from "../executors/deployments/DeploymentWorld.ts"

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(OrphanReport))

const page = (query = "") => Effect.map(answer("GET", `/debug/orphans${query}`), ({ body }) => decode(body))

/** The one orphan that there is. */
const only = Effect.map(page(), ({ orphans }) => {
  assert.lengthOf(orphans, 1, JSON.stringify(orphans))
  return orphans[0]
})

const reference = (name: string) => ({ namespace: "default", name })

/** A function whose pod an earlier executor specialized. */
const specialized = (variables: { readonly [name: string]: string } = {}) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make(variables)
    world.warmPod(world.environment(), "warm-1", "10.0.0.1")
    const fn = world.fn({ spec: { idletimeout: 7200 } })
    yield* running(world, Effect.andThen(Effect.orDie(ask(fn)), settle))
    return world
  })

/** The autoscaler of a function, which is gone with its Deployment and Service. One process has run, and listed. */
const withLeftover = () =>
  Effect.gen(function* () {
    const world = yield* DeploymentWorld.make({ FINALIZER_ENABLED: "false" })
    world.function("newdeploy", {}, {}, { finalizers: [] })
    yield* running(world, settle)
    const metadata = world.only(HorizontalPodAutoscalers)?.metadata ?? { name: "none" }
    world.api.remove(Functions, reference("hello"))
    for (const kind of [Deployments, Services]) world.api.remove(kind, DeploymentWorld.referenceOf(metadata))
    return { world, metadata }
  })

const isListOfAutoscalers = ({ resource, verb }: { readonly resource: string; readonly verb: string }) =>
  verb === "list" && resource === HorizontalPodAutoscalers.plural

const listsOf = (world: DeploymentWorld.DeploymentWorld) => world.api.calls.filter(isListOfAutoscalers)

describe("the page of orphans", () => {
  it.effect("is empty where everything has its owner, and asks the API nothing", () =>
    Effect.gen(function* () {
      const world = yield* specialized()
      const test = Effect.gen(function* () {
        yield* settle
        const before = world.api.calls.length
        assert.deepStrictEqual(yield* page(), { orphans: [], more: 0, unjudged: [] })
        assert.lengthOf(world.api.calls, before)
      })
      yield* running(world, test)
    })
  )

  it.effect("6.2: names a pod whose Function went away while nobody ran, since when, and what proves it", () =>
    Effect.gen(function* () {
      const world = yield* specialized()
      world.api.remove(Functions, reference("hello"))
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("30 seconds")
        const orphan = yield* only
        assert.deepInclude(orphan, {
          kind: "Pod",
          namespace: "default",
          name: "warm-1",
          uid: world.pod("warm-1")?.metadata.uid ?? "",
          reason: "Function default/hello does not exist",
          plan: "deleted once two live looks a minute apart find no Function"
        })
        assert.isAtLeast(orphan?.forSeconds ?? 0, 29)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual((yield* page()).orphans, [])
        assert.isUndefined(world.pod("warm-1"))
      })
      yield* running(world, test)
    })
  )

  it.effect("6.2: names an autoscaler that was left over, and it goes; one list finds it, and none comes after", () =>
    Effect.gen(function* () {
      const { metadata, world } = yield* withLeftover()
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("30 seconds")
        assert.deepInclude(yield* only, {
          kind: "HorizontalPodAutoscaler",
          name: metadata.name,
          reason: "Function default/hello does not exist",
          plan: "deleted once two live looks a minute apart find no Function"
        })
        yield* TestClock.adjust("1 hour")
        assert.isUndefined(world.api.find(HorizontalPodAutoscalers, DeploymentWorld.referenceOf(metadata)))
        assert.deepStrictEqual((yield* page()).orphans, [])
        assert.lengthOf(listsOf(world), 2)
      })
      yield* running(world, test)
    })
  )

  it.effect("6.2: an autoscaler that was left over goes although its list failed for a while", () =>
    Effect.gen(function* () {
      const { metadata, world } = yield* withLeftover()
      world.api.intercept((call) => (isListOfAutoscalers(call) ? Effect.fail(etcdTimeout(call)) : undefined))
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("3 minutes")
        assert.isAbove(listsOf(world).length, 2)
        world.api.intercept()
        yield* TestClock.adjust("15 minutes")
        assert.isUndefined(world.api.find(HorizontalPodAutoscalers, DeploymentWorld.referenceOf(metadata)))
      })
      yield* running(world, test)
    })
  )

  it.effect(
    "6.2: an autoscaler that was left over by a published version which is gone goes, its function has its own",
    () =>
      Effect.gen(function* () {
        const { metadata, world } = yield* withLeftover()
        const fn = world.function("newdeploy")
        const labels = { functionUid: fn.metadata.uid, "fission.io/function-version": "hello-v1" }
        world.api.merge(HorizontalPodAutoscalers, DeploymentWorld.referenceOf(metadata), { metadata: { labels } })
        const test = Effect.gen(function* () {
          yield* TestClock.adjust("15 minutes")
          assert.isUndefined(world.api.find(HorizontalPodAutoscalers, DeploymentWorld.referenceOf(metadata)))
          assert.lengthOf(world.api.list(HorizontalPodAutoscalers), 1)
        })
        yield* running(world, test)
      })
  )

  it.effect("says that one live look is enough where the watch told of the deletion", () =>
    Effect.gen(function* () {
      const world = yield* specialized()
      const test = Effect.gen(function* () {
        yield* settle
        world.api.intercept((call) => (call.verb === "get" ? Effect.fail(etcdTimeout(call)) : undefined))
        world.api.remove(Functions, reference("hello"))
        yield* settle
        assert.strictEqual((yield* only)?.plan, "deleted once a live look finds no Function either")
      })
      yield* running(world, test)
    })
  )

  it.effect("names what another Function under the same name has left behind", () =>
    Effect.gen(function* () {
      const world = yield* specialized()
      const uid = world.api.find(Functions, reference("hello"))?.metadata.uid
      world.api.remove(Functions, reference("hello"))
      world.fn()
      world.api.intercept((call) => (call.verb === "get" ? Effect.fail(etcdTimeout(call)) : undefined))
      const test = Effect.gen(function* () {
        yield* settle
        const orphan = yield* only
        assert.strictEqual(orphan?.reason, `Function default/hello is another one: its UID is not ${uid}`)
        assert.strictEqual(orphan?.plan, "deleted once a live look finds the other UID too")
      })
      yield* running(world, test)
    })
  )

  it.effect("names a pool whose Environment is gone, and says that a dry run leaves it", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make({ EXECUTOR_REAPER: "dry-run" })
      world.environment()
      const test = Effect.gen(function* () {
        yield* settle
        world.api.remove(Environments, reference("nodejs"))
        yield* settle
        const orphan = yield* only
        assert.strictEqual(orphan?.reason, "Environment default/nodejs does not exist")
        assert.strictEqual(orphan?.plan, "left alone: a dry run only says what would be deleted")
      })
      yield* running(world, test)
    })
  )

  it.effect("names objects whose labels do not say whose they are, which are left alone", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make()
      world.api.put(Services, {
        metadata: { ...reference("stray"), labels: { executorType: "newdeploy", functionName: "hello" } },
        spec: { ports: [{ port: 80 }] }
      })
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("30 minutes")
        const orphan = yield* only
        assert.strictEqual(orphan?.reason, "its labels are incomplete: it has no functionNamespace, functionUid")
        assert.strictEqual(orphan?.plan, "left alone: nothing proves whose it is")
        assert.isDefined(world.api.find(Services, reference("stray")))
      })
      yield* running(world, test)
    })
  )

  it.effect.each([
    ["far", "its Function is in namespace far, which is not served here"],
    ["team-a", "its Function is in namespace team-a, whose objects are in team-a"]
  ] as const)("leaves alone what says that it is of another namespace: %s", ([functionNamespace, reason]) =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make({ FISSION_RESOURCE_NAMESPACES: "default,team-a" })
      const labels = { executorType: "newdeploy", functionName: "f", functionNamespace, functionUid: "u" }
      world.api.put(Services, { metadata: { ...reference("stray"), labels }, spec: { ports: [{ port: 80 }] } })
      const test = Effect.gen(function* () {
        yield* settle
        assert.deepInclude(yield* only, {
          reason,
          plan: "left alone: it is not ours to judge"
        })
      })
      yield* running(world, test)
    })
  )

  it.effect("is silent about pods that go with the ReplicaSet of their pool, which is named itself", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make()
      world.warmPod(world.environment(), "warm-1", "10.0.0.1")
      const controller = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "pool", uid: "u", controller: true }
      world.api.merge(Pods, reference("warm-1"), { metadata: { ownerReferences: [controller] } })
      const test = Effect.gen(function* () {
        yield* settle
        world.api.intercept((call) => (call.verb === "get" ? Effect.fail(etcdTimeout(call)) : undefined))
        world.api.remove(Environments, reference("nodejs"))
        yield* settle
        assert.strictEqual((yield* only)?.kind, "Deployment")
      })
      yield* running(world, test)
    })
  )

  it.effect("names a foreign object that has the name of one of ours, until the name is free", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const name = functionObjectName("newdeploy", world.function("newdeploy").metadata)
      const placed = world.api.put(Services, {
        metadata: { ...reference(name), labels: { app: "other" } },
        spec: { ports: [{ port: 80 }] }
      })
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("10 minutes")
        const orphan = yield* only
        assert.deepInclude(orphan, {
          kind: "Service",
          name,
          uid: placed.metadata.uid ?? "",
          reason: "it has the name that the Service of Function default/hello should have, and is not its own"
        })
        assert.isAtLeast(orphan?.forSeconds ?? 0, 599)
        assert.include(orphan?.remedy, `orphans delete default Service ${name} --function default/hello`)
        world.api.remove(Services, reference(name))
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual((yield* page()).orphans, [])
      })
      yield* running(world, test)
    })
  )

  it.effect("says of which namespace it knows nothing, and judges the others", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make({ FISSION_RESOURCE_NAMESPACES: "default,team-a" })
      for (const namespace of ["default", "team-a"]) {
        world.api.put(Deployments, {
          metadata: { namespace, name: "stray", labels: { executorType: "container" } },
          spec: { selector: { matchLabels: { a: "b" } }, template: { metadata: { labels: { a: "b" } }, spec: {} } }
        })
      }
      world.api.intercept((call) => (call.namespace === "team-a" ? Effect.fail(etcdTimeout(call)) : undefined))
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("20 seconds")
        const { orphans, unjudged } = yield* page()
        assert.deepStrictEqual(
          orphans.map(({ namespace }) => namespace),
          ["default"]
        )
        assert.deepStrictEqual(
          unjudged.map(({ namespace }) => namespace),
          ["team-a"]
        )
        assert.include(unjudged[0]?.reason, "etcdserver: request timed out")
        assert.deepStrictEqual(yield* page("?namespace=team-a"), { orphans: [], more: 0, unjudged })
      })
      yield* running(world, test)
    })
  )

  it.effect("does not judge a namespace whose view has grown old", () =>
    Effect.gen(function* () {
      const world = yield* specialized()
      const test = Effect.gen(function* () {
        yield* settle
        world.api.intercept((call) => (call.resource === "functions" ? Effect.fail(etcdTimeout(call)) : undefined))
        for (const watch of world.api.watches("functions")) watch.fail(expired)
        yield* TestClock.adjust("5 minutes")
        const { orphans, unjudged } = yield* page()
        assert.deepStrictEqual(orphans, [])
        assert.deepStrictEqual(
          unjudged.map(({ namespace }) => namespace),
          ["default"]
        )
      })
      yield* running(world, test)
    })
  )

  it.effect("lists a thousand and counts the others", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make()
      for (let index = 0; index < 1003; index++) {
        const metadata = { ...reference(`stray-${index}`), labels: { executorType: "newdeploy" } }
        world.api.put(Services, { metadata, spec: { ports: [{ port: 80 }] } })
      }
      const test = Effect.gen(function* () {
        yield* settle
        const { more, orphans } = yield* page()
        assert.deepStrictEqual([orphans.length, more], [1000, 3])
      })
      yield* running(world, test)
    })
  )
})
