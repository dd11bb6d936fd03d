import type { ServerResponse } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import type { KubernetesError } from "../../src/Errors.ts"
import { Deployments, Functions, Packages, Pods } from "../../src/fission/ResourceKind.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"
import * as StubServer from "../fakes/StubServer.ts"

const where = { namespace: "team-a", name: "pod 1" }
const pod = { metadata: { ...where, uid: "uid-1" }, spec: { nodeName: "node-1" } }

/** Both doors to a stub server. */
const doorsTo = (answer: (request: StubServer.StubRequest, response: ServerResponse) => void) =>
  Effect.gen(function* () {
    const server = yield* StubServer.listen(answer)
    const layer = KubernetesApiLive.layer(Credentials.fromServer(`${server.url}/`), "fission-executor/test")
    const context = yield* Layer.build(layer)
    return {
      server,
      api: yield* Effect.provide(KubernetesApi, context),
      deletion: yield* Effect.provide(KubernetesDeletion, context)
    }
  })

type Doors = Effect.Success<ReturnType<typeof doorsTo>>

describe("every call has its path, its query and its body", () => {
  it.live.each<
    readonly [
      name: string,
      call: (doors: Doors) => Effect.Effect<unknown, KubernetesError>,
      expected: Pick<StubServer.StubRequest, "method" | "path" | "query" | "body"> & { readonly contentType?: string }
    ]
  >([
    [
      "get",
      ({ api }) => api.get(Pods, where),
      { method: "GET", path: "/api/v1/namespaces/team-a/pods/pod%201", query: { timeout: "15s" }, body: undefined }
    ],
    [
      "get for a request that waits",
      ({ api }) => api.get(Functions, where, { priority: "request" }),
      {
        method: "GET",
        path: "/apis/fission.io/v1/namespaces/team-a/functions/pod%201",
        query: { timeout: "3s" },
        body: undefined
      }
    ],
    [
      "list of a page",
      ({ api }) =>
        api.list(Deployments, {
          namespace: "team-a",
          labelSelector: "a=b",
          fieldSelector: "metadata.name=x",
          limit: 500,
          continue: "token",
          resourceVersion: "7",
          resourceVersionMatch: "Exact"
        }),
      {
        method: "GET",
        path: "/apis/apps/v1/namespaces/team-a/deployments",
        query: {
          labelSelector: "a=b",
          fieldSelector: "metadata.name=x",
          limit: "500",
          continue: "token",
          resourceVersion: "7",
          resourceVersionMatch: "Exact",
          timeout: "30s"
        },
        body: undefined
      }
    ],
    [
      "list of all namespaces",
      ({ api }) => api.list(Pods, { deadline: "1500 millis" }),
      { method: "GET", path: "/api/v1/pods", query: { timeout: "2s" }, body: undefined }
    ],
    [
      "create",
      ({ api }) => api.create(Pods, pod, { priority: "request" }),
      {
        method: "POST",
        path: "/api/v1/namespaces/team-a/pods",
        query: { timeout: "5s" },
        contentType: "application/json",
        body: { apiVersion: "v1", kind: "Pod", ...pod }
      }
    ],
    [
      "update",
      ({ api }) => api.update(Pods, pod),
      {
        method: "PUT",
        path: "/api/v1/namespaces/team-a/pods/pod%201",
        query: { timeout: "15s" },
        contentType: "application/json",
        body: { apiVersion: "v1", kind: "Pod", ...pod }
      }
    ],
    [
      "update of the status",
      ({ api }) => api.update(Functions, pod, { subresource: "status", priority: "lease" }),
      {
        method: "PUT",
        path: "/apis/fission.io/v1/namespaces/team-a/functions/pod%201/status",
        query: { timeout: "3s" },
        contentType: "application/json",
        body: { apiVersion: "fission.io/v1", kind: "Function", ...pod }
      }
    ],
    [
      "merge patch",
      ({ api }) => api.patch(Pods, where, { type: "merge", body: { metadata: { labels: null } } }),
      {
        method: "PATCH",
        path: "/api/v1/namespaces/team-a/pods/pod%201",
        query: { timeout: "15s" },
        contentType: "application/merge-patch+json",
        body: { metadata: { labels: null } }
      }
    ],
    [
      "strategic patch of a subresource",
      ({ api }) =>
        api.patch(Deployments, where, { type: "strategic", body: { spec: { replicas: 1 } }, subresource: "scale" }),
      {
        method: "PATCH",
        path: "/apis/apps/v1/namespaces/team-a/deployments/pod%201/scale",
        query: { timeout: "15s" },
        contentType: "application/strategic-merge-patch+json",
        body: { spec: { replicas: 1 } }
      }
    ],
    [
      "delete",
      ({ deletion }) =>
        deletion.delete(Pods, where, { uid: "uid-1", propagationPolicy: "Background", gracePeriodSeconds: 0 }),
      {
        method: "DELETE",
        path: "/api/v1/namespaces/team-a/pods/pod%201",
        query: { timeout: "15s" },
        contentType: "application/json",
        body: {
          apiVersion: "v1",
          kind: "DeleteOptions",
          preconditions: { uid: "uid-1" },
          propagationPolicy: "Background",
          gracePeriodSeconds: 0
        }
      }
    ]
  ])("%s", ([, call, expected]) =>
    Effect.gen(function* () {
      const doors = yield* doorsTo((_, response) => StubServer.sendJson(response, { metadata: {}, items: [] }))
      yield* call(doors)
      const { body, headers, method, path, query } = yield* doors.server.nextRequest
      assert.deepStrictEqual(
        { method, path, query, body, ...(body === undefined ? {} : { contentType: headers["content-type"] }) },
        expected
      )
      assert.strictEqual(headers["user-agent"], "fission-executor/test")
      assert.strictEqual(headers["accept"], "application/json")
    })
  )

  it.live("asks for nothing but metadata where the kind needs no more", () =>
    Effect.gen(function* () {
      const { api, server } = yield* doorsTo((_, response) =>
        StubServer.sendJson(response, { metadata: { name: "code" }, items: [] })
      )
      yield* api.get(Packages, where)
      yield* api.list(Packages, {})
      const accepted = [yield* server.nextRequest, yield* server.nextRequest].map(({ headers }) => headers["accept"])
      assert.deepStrictEqual(accepted, [
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
      ])
    })
  )
})

describe("an answer", () => {
  it.live("of a list has its items, version, token and size", () =>
    Effect.gen(function* () {
      const body = {
        metadata: { resourceVersion: "42", continue: "more" },
        items: [{ metadata: { name: "ä" } }, null, { metadata: null }]
      }
      const { api } = yield* doorsTo((_, response) => StubServer.sendJson(response, body))
      const page = yield* api.list(Pods, {})
      assert.deepStrictEqual(page, {
        resourceVersion: "42",
        continue: "more",
        items: [{ apiVersion: "v1", kind: "Pod", metadata: { name: "ä" } }],
        bytes: Buffer.byteLength(JSON.stringify(body))
      })
    })
  )

  it.live("of the last page has no token", () =>
    Effect.gen(function* () {
      const { api } = yield* doorsTo((_, response) =>
        StubServer.sendJson(response, { metadata: { resourceVersion: "42", continue: "" }, items: [] })
      )
      assert.isUndefined((yield* api.list(Pods, {})).continue)
    })
  )

  it.live("other than success is classified, with what was asked in the message", () =>
    Effect.gen(function* () {
      const { api } = yield* doorsTo((_, response) => {
        response.writeHead(429, { "retry-after": "7" }).end("Too many requests, please try again later.\n")
      })
      const error = yield* Effect.flip(api.create(Pods, pod))
      assert.strictEqual(
        error.message,
        "create pods team-a/pod 1: Too many requests, please try again later. (HTTP 429) [Throttled]"
      )
    })
  )

  it.live.each<readonly [name: string, send: (response: ServerResponse) => void, text: string]>([
    ["cut short", (response) => response.writeHead(200, { "content-length": "500" }).write("{"), "[Connection]"],
    ["that is no JSON", (response) => response.writeHead(200).end("<html>proxy</html>"), "[Connection]"],
    ["that is no object", (response) => response.writeHead(200).end("[]"), "is this an API server? [Unavailable]"],
    ["without metadata", (response) => response.writeHead(200).end("{}"), "is this an API server? [Unavailable]"]
  ])("%s is trouble that may pass, and leaves a write in doubt", ([name, send, text]) =>
    Effect.gen(function* () {
      const { api } = yield* doorsTo((_, response) => {
        send(response)
        if (name === "cut short") setImmediate(() => response.destroy())
      })
      for (const [call, inDoubt] of [
        [api.get(Pods, where), false],
        [api.create(Pods, pod), true]
      ] as const) {
        const error = yield* Effect.flip(call)
        assert.include(error.message, text)
        assert.strictEqual(error._tag === "KubernetesTimeoutError" && error.outcomeUnknown, inDoubt)
      }
    })
  )
})

describe("a call that nobody answers", () => {
  it.live("fails at its deadline, and its connection is closed", () =>
    Effect.gen(function* () {
      const { api, server } = yield* doorsTo(() => {})
      const error = yield* Effect.flip(api.patch(Pods, where, { type: "merge", body: {} }, { deadline: "50 millis" }))
      assert.strictEqual(error.message, "patch pods team-a/pod 1: no answer within 50ms [Deadline]")
      assert.isTrue(error._tag === "KubernetesTimeoutError" && error.outcomeUnknown)
      assert.strictEqual(yield* server.nextAbort, "/api/v1/namespaces/team-a/pods/pod%201")
    })
  )

  it.live("fails at its deadline also when only the headers came", () =>
    Effect.gen(function* () {
      const { api } = yield* doorsTo((_, response) => response.writeHead(200).flushHeaders())
      const error = yield* Effect.flip(api.list(Pods, { deadline: "50 millis" }))
      assert.strictEqual(error.message, "list pods: no answer within 50ms [Deadline]")
    })
  )

  it.live("closes its connection when its fiber is interrupted", () =>
    Effect.gen(function* () {
      const { api, server } = yield* doorsTo(() => {})
      const fiber = yield* Effect.forkChild(api.get(Pods, where))
      yield* server.nextRequest
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* server.nextAbort, "/api/v1/namespaces/team-a/pods/pod%201")
    })
  )

  it.live("does not delay a request of a user, however many of them there are", () =>
    Effect.gen(function* () {
      const { api, server } = yield* doorsTo((request, response) => {
        if (request.path.endsWith("/quick")) StubServer.sendJson(response, { metadata: { name: "quick" } })
      })
      for (let index = 0; index < 64; index++) {
        yield* Effect.forkChild(api.get(Pods, { namespace: `team-${index % 16}`, name: "slow" }))
      }
      for (let arrived = 0; arrived < 32; arrived++) yield* server.nextRequest
      const quick = yield* api.get(Pods, { namespace: "team-1", name: "quick" }, { priority: "request" })
      assert.strictEqual(quick.metadata.name, "quick")
      yield* api.get(Pods, { namespace: "team-1", name: "quick" }, { priority: "lease" })
    })
  )

  it.live("lets at most four calls of its namespace reach the server", () =>
    Effect.gen(function* () {
      const { api, server } = yield* doorsTo((request, response) => {
        if (request.path.includes("team-b")) StubServer.sendJson(response, { metadata: {} })
      })
      for (let index = 0; index < 10; index++)
        yield* Effect.forkChild(api.get(Pods, { namespace: "team-a", name: "x" }))
      for (let arrived = 0; arrived < 4; arrived++) yield* server.nextRequest
      yield* api.get(Pods, { namespace: "team-b", name: "x" })
      assert.include((yield* server.nextRequest).path, "team-b")
    })
  )
})

describe("a server that is not there", () => {
  it.live("is a connection that was refused, with nothing in doubt", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(
        KubernetesApiLive.layer(Credentials.fromServer("http://127.0.0.1:1"), "fission-executor/test")
      )
      const api = yield* Effect.provide(KubernetesApi, context)
      const error = yield* Effect.flip(api.create(Pods, pod))
      assert.include(error.message, "ECONNREFUSED")
      assert.isTrue(error._tag === "KubernetesTimeoutError" && !error.outcomeUnknown)
    })
  )
})
