import { assert, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { Settings } from "../../src/Config.ts"
import type { KubernetesError } from "../../src/Errors.ts"
import { ImageVolumes } from "../../src/executors/ImageVolumes.ts"
import type { ServerVersion } from "../../src/kubernetes/KubernetesApi.ts"
import { etcdTimeout, forbidden } from "../fakes/Failures.ts"
import * as KubernetesApiFake from "../fakes/KubernetesApiFake.ts"

/** What is known of a server that answers so, at once and after that many minutes. */
const known = (serverVersion: Effect.Effect<ServerVersion, KubernetesError>, minutes = 0) =>
  Effect.gen(function* () {
    const volumes = yield* ImageVolumes
    yield* TestClock.adjust("1 millis")
    const first = volumes.support()
    yield* TestClock.adjust(`${minutes} minutes`)
    return [first, volumes.support()]
  }).pipe(
    Effect.provide(
      ImageVolumes.layer.pipe(
        Layer.provide(KubernetesApiFake.layer({ serverVersion })),
        Layer.provide(Layer.orDie(Settings.layer({ ENABLE_OCI_IMAGE_VOLUME: "true" }))),
        Layer.provide(Logger.layer([]))
      )
    )
  )

it.effect.each<readonly [major: number, minor: number, support: string]>([
  [1, 32, "Off"],
  [1, 33, "On"],
  [1, 36, "On"],
  [2, 0, "On"],
  [Number.NaN, Number.NaN, "Off"]
])("a server of version %d.%d: image volumes are %s", ([major, minor, support]) =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* known(Effect.succeed({ major, minor })), [support, support])
  })
)

it.effect.each([
  ["a time-out", etcdTimeout],
  ["a refusal", forbidden]
] as const)("%s leaves it unknown until the server answers (failure-semantics.md B2)", ([, failure]) =>
  Effect.gen(function* () {
    let failed = false
    const version = Effect.suspend((): Effect.Effect<ServerVersion, KubernetesError> => {
      if (failed) return Effect.succeed({ major: 1, minor: 33 })
      failed = true
      return Effect.fail(failure({ verb: "get", resource: "version" }))
    })
    assert.deepStrictEqual(yield* known(version, 6), ["Unknown", "On"])
  })
)
