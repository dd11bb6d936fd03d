import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Settings } from "../../src/Config.ts"
import { NamespaceSet } from "../../src/informers/NamespaceSet.ts"

it.effect("the static set holds the namespaces of the configuration", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual((yield* NamespaceSet).names, ["default", "team-a"])
  }).pipe(
    Effect.provide(
      NamespaceSet.layerStatic.pipe(
        Layer.provide(
          Settings.layer({ FISSION_DEFAULT_NAMESPACE: "default", FISSION_RESOURCE_NAMESPACES: "team-a,default" })
        )
      )
    )
  )
)
