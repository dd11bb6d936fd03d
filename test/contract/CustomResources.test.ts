import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import type { Json } from "../../src/devcluster/Status.ts"
import { at } from "../devcluster/ClusterFixture.ts"
import { contract, furnish, ServerUnderTest } from "./Servers.ts"
import { functionSpec, type Kind, kinds, refused, stored, unchecked } from "./Specs.ts"

const collection = ({ namespaced, plural }: Kind) =>
  `/apis/fission.io/v1/${namespaced ? "namespaces/custom/" : ""}${plural}`

const body = ({ kind }: Kind, name: string, spec: unknown, more: Json = {}): Json => ({
  apiVersion: "fission.io/v1",
  kind,
  metadata: { name },
  spec,
  ...more
})

const post = (kind: Kind, name: string, spec: unknown, more: Json = {}) =>
  ServerUnderTest.use(({ send }) =>
    send({ method: "POST", path: collection(kind), body: body(kind, name, spec, more) })
  )

const patch = (kind: Kind, name: string, change: Json) =>
  ServerUnderTest.use(({ send }) =>
    send({
      method: "PATCH",
      path: `${collection(kind)}/${name}`,
      contentType: "application/merge-patch+json",
      body: change
    })
  )

/** Problems as a server names them, in no order: it looks at fields in a random one. */
const problemsOf = (answer: unknown): ReadonlyArray<string> => {
  const causes = at(answer, "details", "causes")
  return Array.isArray(causes)
    ? causes.map((cause: unknown) => `${String(at(cause, "field"))}: ${String(at(cause, "message"))}`).sort()
    : []
}

contract("custom resources", (it) => {
  describe("refused", () => {
    it.effect.each(refused)("%s", ([, kind, spec, ...problems]) =>
      Effect.gen(function* () {
        yield* furnish("custom")
        const answer = yield* post(kind, "refused", spec)
        assert.deepStrictEqual(problemsOf(answer.json), [...problems].sort())
        assert.deepStrictEqual([answer.status, at(answer.json, "reason")], [422, "Invalid"])
        assert.include(String(at(answer.json, "message")), `${kind.kind}.fission.io "refused" is invalid: `)
      })
    )
  })

  describe("stored", () => {
    it.effect.each(stored)("%s", ([name, kind, spec, kept]) =>
      Effect.gen(function* () {
        yield* furnish("custom")
        const answer = yield* post(kind, name.toLowerCase().replaceAll(" ", "-"), spec)
        assert.deepStrictEqual([answer.status, at(answer.json, "spec")], [201, kept])
      })
    )
  })

  it.effect("lose the status with which they are created", () =>
    Effect.gen(function* () {
      yield* furnish("custom")
      const spec = { environment: { namespace: "custom" } }
      const answer = yield* post(kinds.Package, "status", spec, { status: { buildstatus: "none" } })
      assert.notProperty(answer.json, "status")
    })
  )

  it.effect("get a build status when they get a status at all", () =>
    Effect.gen(function* () {
      yield* furnish("custom")
      yield* post(kinds.Package, "built", { environment: { namespace: "custom" } })
      const answer = yield* patch(kinds.Package, "built/status", { status: { buildlog: "a", odd: 1 } })
      assert.deepStrictEqual(at(answer.json, "status"), { buildlog: "a", buildstatus: "pending" })
    })
  )

  it.effect("refuse a status that cannot be", () =>
    Effect.gen(function* () {
      yield* furnish("custom")
      yield* post(kinds.Function, "conditions", functionSpec())
      const condition = { type: "a", status: "Odd", reason: "0", message: "", lastTransitionTime: "now" }
      const answer = yield* patch(kinds.Function, "conditions/status", {
        status: { provisionedReady: "x", conditions: [condition] }
      })
      assert.deepStrictEqual(problemsOf(answer.json), [
        unchecked,
        'status.conditions[0].lastTransitionTime: Invalid value: "now": conditions[0].lastTransitionTime in body must be of type date-time: "now"',
        "status.conditions[0].reason: Invalid value: \"0\": conditions[0].reason in body should match '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$'",
        'status.conditions[0].status: Unsupported value: "Odd": supported values: "True", "False", "Unknown"',
        'status.provisionedReady: Invalid value: "string": provisionedReady in body must be of type integer: "string"'
      ])
    })
  )

  it.effect("keep what is immutable", () =>
    Effect.gen(function* () {
      yield* furnish("custom")
      yield* post(kinds.FissionTenant, "tenant", { namespace: "shop" })
      const moved = yield* patch(kinds.FissionTenant, "tenant", { spec: { namespace: "other" } })
      assert.deepStrictEqual(problemsOf(moved.json), [
        'spec.namespace: Invalid value: "other": spec.namespace is immutable'
      ])
      yield* post(kinds.Environment, "versioned", { version: 2, runtime: { image: "i" } })
      const changed = yield* patch(kinds.Environment, "versioned", { spec: { version: 3 } })
      assert.deepStrictEqual(problemsOf(changed.json), ["spec.version: Invalid value: 3: spec.version is immutable"])
    })
  )

  it.effect("refuse unknown fields when they are asked to", () =>
    Effect.gen(function* () {
      yield* furnish("custom")
      const { send } = yield* ServerUnderTest
      const answer = yield* send({
        method: "POST",
        path: `${collection(kinds.Function)}?fieldValidation=Strict`,
        body: body(kinds.Function, "strict", { ...functionSpec({ odd: 1 }), odd: 2 })
      })
      assert.deepStrictEqual(
        [answer.status, at(answer.json, "message")],
        [
          400,
          'Function in version "v1" cannot be handled as a Function: strict decoding error: unknown field "spec.InvokeStrategy.ExecutionStrategy.odd", unknown field "spec.odd"'
        ]
      )
    })
  )
})
