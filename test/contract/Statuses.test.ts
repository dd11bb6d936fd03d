import { readFileSync } from "node:fs"
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { Faults } from "../../src/devcluster/Faults.ts"
import { ConfigMaps, Deployments, Namespaces } from "../../src/devcluster/Kinds.ts"
import { isJson } from "../../src/devcluster/StoredObject.ts"
import { KubernetesApi, KubernetesDeletion, type KubernetesObject } from "../../src/kubernetes/KubernetesApi.ts"
import { tokens } from "./RealServer.ts"
import { contract, embeddedContract, furnish, type RawRequest, ServerUnderTest } from "./Servers.ts"

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const

/** What a real API server was asked once, and what it answered. */
const recorded = (name: string) => {
  const file = new URL(`../data/apiserver-faults/${name}.json`, import.meta.url)
  const { request, response }: { readonly request: unknown; readonly response: unknown } = JSON.parse(
    readFileSync(file, "utf8")
  )
  if (!isJson(request) || !isJson(response)) throw new Error(`${name} is no recorded exchange`)
  const { body, contentType, method, path } = request
  const asked: RawRequest = {
    method: methods.find((known) => known === method) ?? "GET",
    path: String(path),
    body,
    ...(typeof contentType === "string" ? { contentType } : {})
  }
  return { request: asked, status: Number(response["status"]), body: response["body"] }
}

/** Texts without what differs from run to run: UIDs, versions, how a program words its parser's trouble. */
const withoutChance = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value)
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gu, "<uid>")
      .replaceAll(/current: \d+/gu, "current: <version>")
      .replaceAll(/too old resource version: \d+ \(\d+\)/gu, "too old resource version: <version>")
      .replaceAll(/(continue key is not valid: )[^"]*?(",)/gu, "$1<problem>$2")
  )

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

  it.effect("say what is wrong with a body", () =>
    Effect.gen(function* () {
      yield* world
      const { send } = yield* ServerUnderTest
      const path = "/api/v1/namespaces/faults/configmaps"
      const post = (body: unknown, to = path) =>
        Effect.map(send({ method: "POST", path: to, body }), ({ json }) => json)
      const invalid = (message: string, details: object, code = 422) => ({
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Failure",
        message,
        reason: "Invalid",
        details,
        code
      })
      const field = "metadata.name"
      const required = "Required value: name or generateName is required"
      assert.deepStrictEqual(
        yield* post({ metadata: {} }),
        invalid(`ConfigMap "" is invalid: ${field}: ${required}`, {
          kind: "ConfigMap",
          causes: [{ reason: "FieldValueRequired", message: required, field }]
        })
      )
      const said = (body: unknown, to?: string) =>
        Effect.map(post(body, to), (json) => (isJson(json) ? String(json["message"]) : ""))
      assert.include(yield* said({ metadata: { name: "Bad_Name" } }), "a lowercase RFC 1123 subdomain must consist of")
      assert.strictEqual(
        yield* said({ metadata: { name: "a", namespace: "other" } }),
        "the namespace of the provided object does not match the namespace sent on the request"
      )
      assert.include(
        yield* said({ kind: "Pod", metadata: { name: "a" } }),
        'Pod in version "v1" cannot be handled as a'
      )
      const functions = "/apis/fission.io/v1/namespaces/faults/functions"
      assert.strictEqual(
        yield* said({ metadata: { name: "a" } }, functions),
        `the object provided is unrecognized (must be of type Function): Object 'Kind' is missing in '{"metadata":{"name":"a"}}' ({"metadata":{"name":"a"}})`
      )
      const patched = yield* send({
        method: "PATCH",
        path: `${path}/cm`,
        contentType: "application/merge-patch+json",
        body: { metadata: { name: "other" } }
      })
      assert.strictEqual(
        isJson(patched.json) ? patched.json["message"] : "",
        "the name of the object (other) does not match the name on the URL (cm)"
      )
    })
  )
})

contract("bad input", (it) => {
  it.effect("is refused, and the server goes on", () =>
    Effect.gen(function* () {
      yield* world
      const { send } = yield* ServerUnderTest
      const path = "/api/v1/namespaces/faults/configmaps"
      const status = (request: RawRequest) => Effect.map(send(request), ({ status }) => status)
      for (const body of ["\u0000\u0001garbage", "[]", '"text"', "{", '{"metadata":']) {
        assert.strictEqual(yield* status({ method: "POST", path, body }), 400, body)
      }
      const large = { metadata: { name: "large" }, data: { a: "x".repeat(3_200_000) } }
      const tooLarge = yield* send({ method: "POST", path, body: large })
      assert.strictEqual(tooLarge.status, 413)
      const patch = { method: "PATCH", path: `${path}/cm`, body: { data: {} } } as const
      assert.strictEqual(yield* status({ ...patch, contentType: "" }), 415)
      assert.strictEqual(yield* status({ ...patch, contentType: "application/x" }), 415)
      assert.strictEqual(yield* status({ path: `${path}/cm` }), 200)
    })
  )
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
