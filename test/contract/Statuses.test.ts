import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { Faults } from "../../src/devcluster/Faults.ts"
import { ConfigMaps, Deployments, Namespaces } from "../../src/devcluster/Kinds.ts"
import { isJson } from "../../src/devcluster/StoredObject.ts"
import { KubernetesApi, KubernetesDeletion, type KubernetesObject } from "../../src/kubernetes/KubernetesApi.ts"
import { tokens } from "./RealServer.ts"
import { recorded, withoutChance } from "./Recorded.ts"
import { contract, embeddedContract, furnish, ServerUnderTest } from "./Servers.ts"

/** Objects that the recorded requests are about. */
const world = Effect.gen(function* () {
  const api = yield* KubernetesApi
  yield* furnish("faults")
  const ensure = (kind: typeof ConfigMaps | typeof Deployments, object: KubernetesObject) =>
    api.create(kind, object).pipe(Effect.catchTag("KubernetesAlreadyExists", () => Effect.void))
  for (const name of ["cm", "warned"]) yield* ensure(ConfigMaps, { metadata: { namespace: "faults", name } })
  yield* ensure(Deployments, {
    metadata: { namespace: "faults", name: "d" },
    spec: {
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } }
    }
  })
})

/** Answers that come to the same request again. */
const asRecorded = [
  "already-exists",
  "bad-request-lease-milliseconds",
  "bad-request-malformed-json",
  "conflict-delete-precondition-uid",
  "conflict-put-uid-mismatch",
  "invalid-422",
  "invalid-continue-token",
  "invalid-immutable-field",
  "invalid-resource-version",
  "invalid-sendinitialevents",
  "method-not-allowed",
  "not-found-namespace-on-create",
  "not-found-object",
  "not-found-on-put",
  "not-found-unknown-resource",
  "not-found-unknown-resource-in-known-group",
  "ok-delete-returns-object-or-status",
  "too-large-resource-version-exact",
  "too-large-resource-version-list",
  "unsupported-media-type"
]

contract("Status bodies", (it) => {
  describe("as recorded", () => {
    it.effect.each(asRecorded)("%s", (name) =>
      Effect.gen(function* () {
        yield* world
        const { send } = yield* ServerUnderTest
        const { body, request, status } = recorded(name)
        const answer = yield* send(request)
        assert.strictEqual(answer.status, status)
        assert.deepStrictEqual(withoutChance(answer.json ?? answer.text), withoutChance(body))
      })
    )

    it.effect.each(["conflict-update", "conflict-patch-resourceversion"])("%s", (name) =>
      Effect.gen(function* () {
        yield* world
        const { send } = yield* ServerUnderTest
        const { body, request, status } = recorded(name)
        const { metadata } = yield* KubernetesApi.use((api) => api.get(ConfigMaps, { namespace: "faults", name: "cm" }))
        yield* KubernetesApi.use((api) =>
          api.patch(
            ConfigMaps,
            { namespace: "faults", name: "cm" },
            {
              type: "merge",
              body: { metadata: { labels: { changed: name } } }
            }
          )
        )
        const given = isJson(request.body) ? request.body : {}
        const stale = { ...given, metadata: { name: "cm", resourceVersion: metadata.resourceVersion } }
        const answer = yield* send({ ...request, body: stale })
        assert.strictEqual(answer.status, status)
        assert.deepStrictEqual(answer.json, body)
      })
    )

    it.effect("namespace-terminating", () =>
      Effect.gen(function* () {
        const { send } = yield* ServerUnderTest
        const { body, request, status } = recorded("namespace-terminating")
        const { metadata } = yield* KubernetesApi.use((api) =>
          api.create(Namespaces, { metadata: { name: "terminating" } })
        )
        yield* KubernetesDeletion.use((door) =>
          door.delete(Namespaces, { name: "terminating" }, { uid: metadata.uid ?? "" })
        )
        const answer = yield* send(request)
        assert.strictEqual(answer.status, status)
        assert.deepStrictEqual(answer.json, body)
      })
    )

    it.effect.each(["forbidden", "forbidden-watch"])("%s", (name) =>
      Effect.gen(function* () {
        yield* world
        const { send } = yield* ServerUnderTest
        const faults = yield* Faults
        yield* faults.inject({ namespace: "faults", count: 1, action: { type: "error", preset: "forbidden" } })
        const { body, request, status } = recorded(name)
        const answer = yield* send({ ...request, token: tokens.limited })
        yield* faults.liftAll
        assert.strictEqual(answer.status, status)
        assert.deepStrictEqual(answer.json, body)
      })
    )
  })
})

embeddedContract("Status bodies of its own", (it) => {
  it.effect("of an overload come from a fault", () =>
    Effect.gen(function* () {
      yield* world
      const { send } = yield* ServerUnderTest
      const faults = yield* Faults
      yield* faults.inject({ namespace: "faults", count: 1, action: { type: "error", preset: "tooManyRequests" } })
      const { body, request, status } = recorded("too-many-requests-queue-full")
      const answer = yield* send(request)
      assert.deepStrictEqual([answer.status, answer.text, answer.headers["retry-after"]], [status, body, "1"])
    })
  )

  it.effect("of what it does not implement say so", () =>
    Effect.gen(function* () {
      yield* world
      const { send } = yield* ServerUnderTest
      const path = "/api/v1/namespaces/faults/configmaps"
      for (const request of [
        { method: "DELETE", path },
        { method: "POST", path: `${path}?dryRun=All`, body: { metadata: { name: "dry" } } },
        { method: "DELETE", path: `${path}/cm?propagationPolicy=Foreground` },
        { method: "POST", path: "/api/v1/namespaces/faults/pods/p/eviction", body: {} },
        { method: "PATCH", path: `${path}/cm`, contentType: "application/json-patch+json", body: [] },
        { method: "PATCH", path: `${path}/cm`, contentType: "application/apply-patch+yaml", body: {} }
      ] as const) {
        const { json, status } = yield* send(request)
        assert.strictEqual(status, 501, request.path)
        assert.include(String(isJson(json) ? json["message"] : ""), "the embedded API server does not implement")
      }
    })
  )
})
