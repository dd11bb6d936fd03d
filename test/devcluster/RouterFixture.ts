import { once } from "node:events"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Context, Effect, Layer, Queue, Redacted } from "effect"
import { HttpTriggers } from "../../src/devcluster/router/HttpTriggers.ts"
import { Router } from "../../src/devcluster/Router.ts"
import { EndpointSlices } from "../../src/devcluster/Kinds.ts"
import { Functions } from "../../src/fission/ResourceKind.ts"
import { listen, readBody } from "../../src/HttpListener.ts"
import * as KubernetesApiInMemory from "../fakes/KubernetesApiInMemory.ts"

/** A request that a server of this test has received. */
export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage["headers"]
  readonly body: string
}

/** A server on a free port; `received` gets every request once its body is there. */
export const serve = (answer: (request: Received, response: ServerResponse, raw: IncomingMessage) => void) =>
  Effect.gen(function* () {
    const received = yield* Queue.unbounded<Received>()
    const { port } = yield* listen({ host: "127.0.0.1", port: 0, name: "test" }, (request, response) =>
      Effect.gen(function* () {
        const body = yield* Effect.orDie(readBody(request, 1_000_000))
        const { headers, method = "", url = "" } = request
        const seen = { method, url, headers, body: body.toString("utf8") }
        answer(seen, response, request)
        yield* Queue.offer(received, seen)
        yield* Effect.promise(() => (response.closed ? Promise.resolve([]) : once(response, "close")))
      })
    )
    return { address: `127.0.0.1:${port}`, received }
  })

/** An executor of this test: what it answers to `getServiceForFunction`, and everything that it was asked. */
export const executorThat = (answer: (attempt: number, response: ServerResponse) => void) => {
  let attempts = 0
  return serve((request, response) => {
    if (request.url === "/v2/getServiceForFunction") answer(++attempts, response)
    else response.end()
  })
}

/** A Function as it is stored, with a field that the router does not know. */
const functionOf = (name: string, changes: { readonly namespace?: string; readonly type?: string } = {}) => ({
  metadata: { name, namespace: changes.namespace ?? "default", labels: { team: "a" } },
  spec: {
    environment: { name: "nodejs", namespace: "default" },
    InvokeStrategy: { ExecutionStrategy: { ExecutorType: changes.type ?? "poolmgr" } },
    somethingNew: { kept: true }
  }
})

/** The spec of an HTTPTrigger to the function `hello`, with changes. */
export const triggerOf = (spec: object) => ({ functionref: { type: "name", name: "hello" }, ...spec })

/** What a router of a test has besides its functions. */
export interface RouterSetting {
  /** The internal auth secret. */
  readonly secret?: string
  /** Specs of HTTPTriggers in `default`, by name. */
  readonly triggers?: { readonly [name: string]: object }
  /** Endpoints of the function `hello`, by address: whether each is ready. The router looks for them first. */
  readonly endpoints?: { readonly [address: string]: boolean }
  /** Changes to the function `hello`. */
  readonly hello?: { readonly metadata?: object; readonly spec?: object }
}

/** A router before this executor, with the functions of these tests. */
export const startRouter = (
  executor: { readonly address: string },
  { endpoints, hello, secret, triggers = {} }: RouterSetting = {}
) =>
  Effect.gen(function* () {
    const api = yield* KubernetesApiInMemory.make({ namespaces: ["default", "team-a"] })
    const quick = functionOf("quick")
    const plain = functionOf("hello")
    const stored = api.put(Functions, {
      metadata: { ...plain.metadata, ...hello?.metadata },
      spec: { ...plain.spec, ...hello?.spec }
    })
    for (const [address, ready] of Object.entries(endpoints ?? {})) {
      api.put(EndpointSlices, sliceOf(stored.metadata.uid ?? "", address, ready))
    }
    api.put(Functions, { ...quick, spec: { ...quick.spec, functionTimeout: 3 } })
    api.put(Functions, functionOf("deployed", { type: "newdeploy" }))
    api.put(Functions, functionOf("hello", { namespace: "team-a" }))
    for (const [name, spec] of Object.entries(triggers)) {
      api.put(HttpTriggers, { metadata: { name, namespace: "default" }, spec })
    }
    const layer = Router.layer({
      host: "127.0.0.1",
      port: 0,
      executorUrl: `http://${executor.address}`,
      namespaces: ["default", "team-a"],
      endpointSlices: endpoints !== undefined,
      ...(secret === undefined ? {} : { internalAuthSecret: Redacted.make(secret) })
    })
    const { url } = Context.get(yield* Layer.build(Layer.provide(layer, api.layer)), Router)
    const ask = (path: string, init?: RequestInit) =>
      Effect.promise(async (signal) => {
        const response = await fetch(`${url}${path}`, { signal, ...init })
        return { status: response.status, text: await response.text(), headers: response.headers }
      })
    for (const path of ["/fission-function/none", "/none"]) while ((yield* ask(path)).status === 503) continue
    return { api, ask, url }
  })

/** The slice of a Service with one endpoint. */
const sliceOf = (functionUid: string, address: string, ready: boolean) => {
  const [host = "", port] = address.split(":")
  return {
    metadata: {
      namespace: "default",
      name: `fn-hello-${port}`,
      labels: { "fission.io/managed-by": "fission", functionUid }
    },
    addressType: "IPv4",
    endpoints: [{ addresses: [host], conditions: { ready } }],
    ports: [{ port: Number(port) }]
  }
}

/** Takes requests to the executor until one to this path. */
export const next = (queue: Queue.Queue<Received>, url: string): Effect.Effect<Received> =>
  Effect.flatMap(Queue.take(queue), (request) => (request.url === url ? Effect.succeed(request) : next(queue, url)))

/** A pod that answers with what it got. */
export const echoingPod = serve((request, response) => {
  response.writeHead(201, { "x-from": "pod" }).end(`${request.method} ${request.url} ${request.body}`)
})
