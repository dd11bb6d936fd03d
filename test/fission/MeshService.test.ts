import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { meshHost, meshServiceName } from "../../src/fission/MeshService.ts"

it.effect("a mesh reaches a function by the name of its Service", () =>
  Effect.sync(() => {
    assert.strictEqual(meshHost({ name: "hello", namespace: "default" }, "fission"), "istio-hello-default.fission")
  })
)

it.effect("W32: a name that would be longer than 63 characters is cut, and differs from every other one", () =>
  Effect.sync(() => {
    const [name, other] = ["a", "b"].map((end) =>
      meshServiceName({ name: `${"f".repeat(62)}${end}`, namespace: "default" })
    )
    assert.strictEqual(name?.length, 63)
    assert.notStrictEqual(name, other)
    assert.match(name ?? "", /^istio-f+-[0-9a-f]{8}$/u)
    const whole = { name: "f".repeat(49), namespace: "default" }
    assert.strictEqual(meshServiceName(whole), `istio-${whole.name}-default`)
  })
)
