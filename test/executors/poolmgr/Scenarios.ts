import { assert } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import type { Environment } from "../../../src/fission/Environment.ts"
import type { FissionFunction } from "../../../src/fission/Function.ts"
import {
  ConfigMaps,
  Environments,
  Functions,
  FunctionVersions,
  Pods,
  Secrets
} from "../../../src/fission/ResourceKind.ts"
import { type Json, listOf, objectOf } from "../../../src/podspec/Json.ts"
import { SpecializeError } from "../../../src/specialization/PodRequests.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, running, settle } from "../../fakes/ExecutorInMemory.ts"
import { effectOfCall, manifest, patchedMetadata } from "./Recordings.ts"

/** A scenario of the recordings. */
export interface Scenario {
  readonly name: string
  /** What happens to the running executor, and what it is asked. */
  readonly play: (stage: Stage) => Effect.Effect<void, unknown, ExecutorInMemory.ExecutorServices>
  /** Which recorded requests are those of poolmgr's objects. */
  readonly about?: RegExp
  /** Recorded effects that ours lacks, each once. */
  readonly spared?: { readonly effects: ReadonlyArray<string>; readonly reason: string }
  /** What we do instead, and why. */
  readonly instead?: { readonly ours: ReadonlyArray<string>; readonly reason: string }
}

const variables = {
  FISSION_RESOURCE_NAMESPACES: "default,tenant-a",
  FINALIZER_ENABLED: "true",
  ENABLE_FUNCTION_SERVICES: "true"
}

/** A volume of the node is what we refuse, where the stock executor leaves it out (resources.md R2). */
const withoutHostPath = (spec: Json): Json => {
  const runtime = objectOf(spec["runtime"])
  if (runtime["podspec"] === undefined) return spec
  const podspec = objectOf(runtime["podspec"])
  const volumes = listOf(podspec["volumes"]).filter((volume) => volume["hostPath"] === undefined)
  return { ...spec, runtime: { ...runtime, podspec: { ...podspec, volumes } } }
}

/** A running executor in the recorded cluster, and what it has sent since `begin`. */
export const makeStage = Effect.gen(function* () {
  const world = yield* ExecutorInMemory.make(variables)
  world.api.put(Secrets, { metadata: { namespace: "default", name: "db-creds" } })
  world.api.put(ConfigMaps, { metadata: { namespace: "default", name: "app-config" } })
  let since = { calls: 0, sent: 0 }
  let pods = 0

  const environment = (file: string, change: object = {}): Environment => {
    const { spec, ...object } = manifest(file)
    const stored = world.api.put(Environments, { ...object, spec: { ...withoutHostPath(spec), ...change } })
    return Result.getOrThrow(Environments.decode(stored))
  }
  const fn = (file: string): FissionFunction => {
    const object = manifest(file)
    const metadata = { ...object.metadata, finalizers: ["fission.io/function-cleanup"] }
    return Result.getOrThrow(Functions.decode(world.api.put(Functions, { ...object, metadata })))
  }
  const warm = (environment: Environment, count = 1) => {
    for (let index = 0; index < count; index++) world.warmPod(environment, `pool-${++pods}`, `10.99.0.${pods}`)
  }
  const begin = Effect.andThen(
    settle,
    Effect.sync(() => {
      since = { calls: world.api.calls.length, sent: world.sent.length }
    })
  )
  return {
    world,
    environment,
    fn,
    warm,
    begin,
    ours: () => world.api.calls.slice(since.calls).flatMap(effectOfCall),
    patchesOfPods: () =>
      world.sent
        .slice(since.sent)
        .flatMap(({ body, resource, verb }) => (resource === "pods" && verb === "patch" ? [patchedMetadata(body)] : []))
  }
})
/** A running executor in the recorded cluster. */
export type Stage = Effect.Success<typeof makeStage>

/** An Environment's pool with warm pods, and a function that has served so many requests at once. */
const serving = (stage: Stage, environmentFile: string, fnFile: string, count: number) =>
  Effect.gen(function* () {
    const environment = stage.environment(environmentFile)
    const fn = stage.fn(fnFile)
    stage.warm(environment, count + 4)
    yield* settle
    const services = yield* Effect.forEach(Array.from({ length: count }), () => ask(fn))
    yield* stage.begin
    return { environment, fn, services }
  })

const cold =
  (environment: string, fn: string, before = 0) =>
  (stage: Stage) =>
    Effect.flatMap(serving(stage, environment, fn, before), ({ fn }) => Effect.andThen(ask(fn), settle))

const failing = (fn: string, status: number) => (stage: Stage) =>
  Effect.gen(function* () {
    const { fn: failed } = yield* serving(stage, "env-v3", fn, 0)
    stage.world.answer(() =>
      Effect.fail(new SpecializeError({ reason: "Answered", status, text: "lab: told to fail" }))
    )
    yield* Effect.flip(ask(failed))
    yield* settle
  })

const changed = (environment: string, change: object) => (stage: Stage) =>
  Effect.gen(function* () {
    const { metadata } = stage.environment(environment)
    yield* stage.begin
    stage.world.api.merge(Environments, { namespace: "default", name: metadata.name }, { ...change })
    yield* settle
  })

/** Every recorded scenario of poolmgr, played by us. */
export const scenarios: ReadonlyArray<Scenario> = [
  { name: "a-startup-empty", about: /\/(pods|deployments)\//u, play: () => settle },
  {
    name: "b-environment-create",
    play: (stage) =>
      Effect.andThen(
        stage.begin,
        Effect.andThen(
          Effect.sync(() => stage.environment("env-v3")),
          settle
        )
      )
  },
  {
    name: "b-environment-create-others",
    play: (stage) =>
      Effect.gen(function* () {
        yield* stage.begin
        for (const name of ["v1", "v2", "inf", "custom", "grace0", "size0", "tenant"]) stage.environment(`env-${name}`)
        yield* settle
      }),
    instead: {
      ours: Array.from({ length: 6 }, () => "POST deployments"),
      reason: "none at pool size 0 (W07), and one of the eight is not among the inputs"
    }
  },
  ...["c-poolmgr-create-function", "c-poolmgr-create-function-plain"].map((name) => ({
    name,
    play: (stage: Stage) =>
      Effect.gen(function* () {
        stage.environment("env-v3")
        yield* stage.begin
        stage.world.api.put(Functions, manifest(name.endsWith("plain") ? "fn-pm-conc1" : "fn-pm-basic"))
        yield* settle
      })
  })),
  { name: "c-poolmgr-cold-first", play: cold("env-v3", "fn-pm-basic") },
  { name: "c-poolmgr-cold-second", play: cold("env-v3", "fn-pm-basic", 1) },
  { name: "c-poolmgr-cold-pm-v1", play: cold("env-v1", "fn-pm-v1") },
  { name: "c-poolmgr-cold-pm-url", play: cold("env-v2", "fn-pm-url") },
  ...["pm-inf", "pm-inf2"].map((name) => ({
    name: `c-poolmgr-cold-${name}`,
    play: cold("env-inf", `fn-${name}`),
    spared: { effects: ["POST services"], reason: "no Service can lead to a pod that functions share (section 19)" }
  })),
  { name: "c-poolmgr-cold-pm-custom", play: cold("env-custom", "fn-pm-custom") },
  { name: "c-poolmgr-cold-pm-grace0", play: cold("env-grace0", "fn-pm-grace0") },
  { name: "c-poolmgr-cold-pm-secret", play: cold("env-v3", "fn-pm-secret") },
  { name: "c-poolmgr-cold-pm-once", play: cold("env-v3", "fn-pm-once") },
  { name: "c-poolmgr-cold-pm-spec300", play: cold("env-v3", "fn-pm-spec300") },
  { name: "c-poolmgr-cold-pm-tenant", play: cold("env-tenant", "fn-pm-tenant") },
  {
    name: "c-poolmgr-concurrency-limit",
    play: (stage) =>
      Effect.gen(function* () {
        const { fn } = yield* serving(stage, "env-v3", "fn-pm-basic", 2)
        yield* ask(fn)
        assert.strictEqual((yield* Effect.flip(ask(fn))).status, 429)
        yield* settle
      })
  },
  {
    name: "c-poolmgr-burst-10-concurrency-3",
    spared: { effects: ["POST services"], reason: "there since the first pod of the function" },
    play: (stage) =>
      Effect.gen(function* () {
        const { fn, services } = yield* serving(stage, "env-v3", "fn-pm-basic", 1)
        yield* services[0]?.release ?? Effect.void
        stage.world.api.remove(Pods, { namespace: "default", name: "pool-1" })
        yield* stage.begin
        const asked = yield* Effect.forEach(Array.from({ length: 10 }), () => Effect.forkChild(Effect.exit(ask(fn))))
        yield* settle
        const exits = yield* Effect.forEach(asked, Fiber.join)
        assert.strictEqual(exits.filter(({ _tag }) => _tag === "Success").length, 3)
      })
  },
  {
    name: "m-version-poolmgr-cold",
    play: (stage) =>
      Effect.gen(function* () {
        const { fn } = yield* serving(stage, "env-v3", "fn-pm-basic", 1)
        const version = manifest("functionversion-pm-basic-v1")
        const functionUID = fn.metadata.uid ?? ""
        stage.world.api.put(FunctionVersions, { ...version, spec: { ...version.spec, functionUID } })
        yield* stage.begin
        const labels = { "fission.io/function-version": "pm-basic-v1" }
        yield* Effect.andThen(ask({ ...fn, metadata: { ...fn.metadata, labels } }), settle)
      })
  },
  { name: "c-poolmgr-failing-pm-fail400", play: failing("fn-pm-fail400", 400) },
  { name: "c-poolmgr-failing-pm-fail404", play: failing("fn-pm-fail404", 404) },
  { name: "c-poolmgr-failing-pm-fail500", play: failing("fn-pm-fail500", 500) },
  {
    name: "c-poolmgr-failing-pm-missing-secret",
    play: failing("fn-pm-missing-secret", 404),
    instead: { ours: ["PATCH functions/status"], reason: "no pod is spent on what the view shows to be missing (W38)" }
  },
  {
    name: "f-environment-poolsize",
    play: changed("env-v3", { spec: { poolsize: 3 } }),
    instead: { ours: ["PUT deployments"], reason: "per-image pools are not built yet" }
  },
  {
    name: "f-environment-image",
    about: /\/(pods|deployments)\/poolmgr-/u,
    play: (stage) =>
      Effect.gen(function* () {
        yield* serving(stage, "env-v3", "fn-pm-basic", 1)
        stage.environment("env-v3", { runtime: { image: "node-env:2" } })
        yield* settle
      }),
    instead: {
      ours: ["PUT deployments"],
      reason: "per-image pools are not built yet; specialized pods serve until the pool has rolled (section 13)"
    }
  },
  {
    name: "f-environment-metadata-labels",
    about: /\/(pods|deployments)\/poolmgr-/u,
    play: changed("env-v3", { metadata: { labels: { team: "a" } } }),
    instead: {
      ours: ["PUT deployments"],
      reason: "at once, where the stock executor tries, and fails, 30 minutes later (W08)"
    }
  },
  {
    name: "f-environment-labels-and-poolsize-spec",
    about: /\/(pods|deployments)\/poolmgr-/u,
    play: changed("env-v3", { metadata: { labels: { team: "a" } }, spec: { poolsize: 3 } }),
    instead: { ours: ["PUT deployments"], reason: "once, for the selector stays as it is stored (W08)" }
  },
  {
    name: "f-environment-size-to-0",
    about: /\/deployments\/poolmgr-env-grace0-/u,
    play: changed("env-grace0", { spec: { poolsize: 0 } })
  },
  {
    name: "f-type-poolmgr-to-newdeploy",
    about: /\/services\/fn-/u,
    play: (stage) =>
      Effect.gen(function* () {
        yield* serving(stage, "env-v3", "fn-switch", 1)
        const InvokeStrategy = { ExecutionStrategy: { ExecutorType: "newdeploy" } }
        stage.world.api.merge(Functions, { namespace: "default", name: "switch" }, { spec: { InvokeStrategy } })
        yield* TestClock.adjust("2 minutes")
      }),
    instead: {
      ours: [
        "POST services",
        "POST deployments",
        "POST horizontalpodautoscalers",
        "PATCH pods",
        "DELETE pods",
        "DELETE services"
      ],
      reason:
        "the new objects, and the drain that the stock executor's reaper makes later, and only then the old Service"
    }
  },
  ...["f-update-poolmgr-idletimeout", "f-update-poolmgr-package"].map((name) => ({
    name,
    about: /\/(pods|deployments)\/poolmgr-/u,
    play: (stage: Stage) =>
      Effect.gen(function* () {
        yield* serving(stage, "env-v3", "fn-pm-basic", 0)
        const packageref = { resourceversion: "2" }
        const spec = name.endsWith("package") ? { package: { packageref } } : { idletimeout: 60 }
        stage.world.api.merge(Functions, { namespace: "default", name: "pm-basic" }, { spec })
        yield* settle
      })
  })),
  {
    name: "g-idle-reap-pm-idle",
    about: /\/pods\/poolmgr-env-v3-default-324-57f6b84cf4-z2mqx$/u,
    play: (stage) =>
      Effect.gen(function* () {
        const { services } = yield* serving(stage, "env-v3", "fn-pm-idle", 1)
        yield* services[0]?.release ?? Effect.void
        yield* TestClock.adjust("3 minutes")
      })
  },
  {
    name: "h-delete-environment-with-pool",
    play: (stage) =>
      Effect.gen(function* () {
        yield* serving(stage, "env-v2", "fn-pm-url", 1)
        stage.world.api.remove(Environments, { namespace: "default", name: "env-v2" })
        yield* settle
      })
  },
  {
    name: "h-delete-function-poolmgr",
    about: /\/(pods|deployments)\/poolmgr-|\/functions\/pm-url$|\/services\/fn-/u,
    play: (stage) =>
      Effect.gen(function* () {
        yield* serving(stage, "env-v2", "fn-pm-url", 1)
        stage.world.userDeletes(Functions, "pm-url")
        yield* settle
      }),
    instead: {
      ours: ["DELETE pods", "DELETE services", "PATCH functions"],
      reason: "nothing is left for a reaper to find once the finalizer is off (OwnerDeleting)"
    }
  },
  ...["i-restart-adopt-on", "i-restart-adopt-on-unchanged", "i-restart-adopt-off", "i-adopted-pool-pods-called"].map(
    (name) => ({
      name,
      about: /\/(pods|deployments)(\/poolmgr-|$)/u,
      play: (stage: Stage) =>
        Effect.gen(function* () {
          const { fn } = yield* serving(stage, "env-v3", "fn-pm-basic", 3)
          const annotations = { "kubectl.kubernetes.io/touched": "yes" }
          stage.world.api.merge(Environments, { namespace: "default", name: "env-v3" }, { metadata: { annotations } })
          yield* stage.begin
          yield* running(
            stage.world,
            Effect.forEach(Array.from({ length: 3 }), () => Effect.flatMap(ask(fn), ({ release }) => release))
          )
        }),
      instead: {
        ours: [],
        reason: "adoption reads the views and writes nothing, and pools keep their name (W01, W21, W26)"
      }
    })
  )
]
