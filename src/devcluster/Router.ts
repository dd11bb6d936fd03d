import { randomUUID } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Cache, Context, Data, Duration, Effect, Exit, Layer, Random, Redacted, Result, Schedule } from "effect"
import { listen } from "../HttpListener.ts"
import type { ConfigurationError } from "../Errors.ts"
import { type FissionFunction, functionKey, functionTimeoutSeconds, requestsPerPod } from "../fission/Function.ts"
import { labels } from "../fission/Labels.ts"
import { channelKey } from "../fission/RequestSignature.ts"
import { Functions } from "../fission/ResourceKind.ts"
import type { KubernetesApi } from "../kubernetes/KubernetesApi.ts"
import type { RawObject } from "./RawKind.ts"
import * as ExecutorClient from "./router/ExecutorClient.ts"
import { forward, ProxyError } from "./router/Proxy.ts"
import { type NoRoute, type Route, routeOf } from "./router/Routes.ts"
import * as SliceIndex from "./router/SliceIndex.ts"
import * as Taps from "./router/Taps.ts"
import type { FunctionReference } from "./router/Versions.ts"
import * as Views from "./router/Views.ts"

/** Where the router listens and whom it asks. */
export interface RouterOptions {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  readonly executorUrl: string
  readonly namespaces: ReadonlyArray<string>
  /** Whether pods of poolmgr are found in EndpointSlices before the executor is asked; default no. */
  readonly endpointSlices?: boolean
  /** The internal auth secret; requests to the executor are unsigned without it. */
  readonly internalAuthSecret?: Redacted.Redacted
}

/** Why a request got no answer of a function, as the end user is told (http-api.md section 10.4). */
class RouteError extends Data.TaggedError("RouteError")<{
  readonly status: number
  readonly component: "router" | "executor" | "function"
  readonly reason: string
  readonly detail: string
}> {}

/** An address for one request, and what is due when it has been used. */
interface Resolution {
  readonly address: string
  readonly release: Effect.Effect<void>
  /** The address does not answer. */
  readonly forget: Effect.Effect<void>
}

/** How long the address of a function that has a Service is used without asking again (http-api.md section 10.2). */
const addressFreshFor = Duration.minutes(1)
/** Repeats after a refused connection, each with another resolution. */
const afterRefusal = Schedule.min([
  Schedule.exponential(Duration.millis(50)),
  Schedule.spaced(Duration.seconds(1))
]).pipe(Schedule.upTo({ times: 9 }))

/**
 * A small router with Fission's internal paths, `/fission-function/<name>` of the namespace `default` and
 * `/fission-function/<namespace>/<name>`, each with `:<alias>` where one is meant and whatever follows, and with
 * HTTPTriggers. It treats the executor exactly
 * as the stock router does, with its slice index off or on (http-api.md section 10), so every un-tap and retry of that is
 * seen.
 */
export class Router extends Context.Service<Router, { readonly url: string }>()("fission-executor/devcluster/Router") {
  /** Listens as soon as the layer is built; answers 503 until what it needs to know has been listed. */
  static readonly layer = (options: RouterOptions): Layer.Layer<Router, ConfigurationError, KubernetesApi> =>
    Layer.effect(
      Router,
      Effect.gen(function* () {
        const views = yield* Views.watch(options.namespaces)
        const slices = options.endpointSlices === true ? yield* SliceIndex.watch(options.namespaces) : SliceIndex.off
        const handle = yield* makeHandler(options, views, slices)
        const { port } = yield* listen({ host: options.host, port: options.port, name: "router" }, handle)
        return Router.of({ url: `http://${options.host}:${port}` })
      })
    )
}

const makeHandler = (options: RouterOptions, views: Views.Views, slices: SliceIndex.SliceIndex) =>
  Effect.gen(function* () {
    const { find } = views
    const scope = yield* Effect.scope
    const secret = options.internalAuthSecret
    const key = secret === undefined ? undefined : channelKey(Redacted.value(secret), "executor")
    const executor = yield* ExecutorClient.make(options.executorUrl, key)
    const taps = Taps.make(executor)
    yield* Effect.forkScoped(taps.run)

    const ask = (fn: RawObject, requestId: string) => {
      const asked = Effect.mapError(executor.getServiceForFunction(fn, requestId), fromExecutor)
      const seconds = decoded(fn)?.spec.functionTimeout ?? 0
      if (seconds <= 0) return asked
      const late = specializationFailed(`no address within ${seconds} s`)
      return Effect.timeoutOrElse(asked, { duration: Duration.seconds(seconds), orElse: () => Effect.fail(late) })
    }

    const addresses = yield* Cache.makeWith(
      (id: string) => {
        const [namespace = "", name = "", version = ""] = id.split("/")
        const fn = find({ namespace, name, version: version || undefined }, 0)
        return fn === undefined ? Effect.fail(unknownFunction) : ask(fn, randomUUID())
      },
      { capacity: 1000, timeToLive: (exit) => (Exit.isSuccess(exit) ? addressFreshFor : Duration.zero) }
    )

    /** One resolution per request, given back afterwards and detached from it. */
    const resolveSlot = (
      fn: RawObject,
      asked: Effect.Effect<string, RouteError>
    ): Effect.Effect<Resolution, RouteError> =>
      Effect.map(asked, (address) => {
        const tap = { FnMetadata: fn.metadata, FnExecutorType: "poolmgr", ServiceURL: address }
        const giveBack = executor
          .unTapService(tap)
          .pipe(Effect.catch((error) => Effect.logWarning("un-tap failed", error)))
        return {
          address,
          release: Effect.asVoid(Effect.forkIn(Effect.interruptible(giveBack), scope)),
          forget: Effect.void
        }
      })

    /** poolmgr: a pod that the slices show, tapped and counted here alone, or one of the executor. */
    const resolvePod = (fn: RawObject, requestId: string): Effect.Effect<Resolution, RouteError> =>
      Effect.suspend(() => {
        const admission = (mustAsk(fn) ? SliceIndex.off : slices).admit(fn, requestsPerPodOf(fn))
        switch (admission._tag) {
          case "Unlisted":
            return Effect.fail(noRoute.notReady)
          case "Empty":
            return resolveSlot(fn, ask(fn, requestId))
          case "Busy": {
            const asked = executor.ensureCapacity(fn, admission.ready, requestId)
            return resolveSlot(fn, Effect.mapError(asked, fromExecutor))
          }
          case "Admitted": {
            const { address, forget, release } = admission
            taps.add(tapOf(fn, "poolmgr", address))
            return Effect.succeed({ address, release: Effect.sync(release), forget: Effect.sync(forget) })
          }
        }
      })

    /** newdeploy and container: the address of a Service, asked for once a minute and tapped in between. */
    const resolveService = Effect.fnUntraced(function* (fn: RawObject, executorType: string) {
      const version = fn.metadata.labels?.[labels.functionVersion] ?? ""
      const id = `${fn.metadata.namespace}/${fn.metadata.name}/${version}/${functionKey(fn.metadata)}`
      const known = yield* Cache.has(addresses, id)
      const address = yield* Cache.get(addresses, id)
      if (known) taps.add(tapOf(fn, executorType, address))
      const resolution: Resolution = { address, release: Effect.void, forget: Cache.invalidate(addresses, id) }
      return resolution
    })

    const resolve = (fn: RawObject, requestId: string): Effect.Effect<Resolution, RouteError> => {
      const executorType = decoded(fn)?.spec.InvokeStrategy?.ExecutionStrategy?.ExecutorType ?? ""
      return executorType === "poolmgr" ? resolvePod(fn, requestId) : resolveService(fn, executorType)
    }

    /** One of the pods behind an address. */
    const dial = Effect.fnUntraced(function* (address: string) {
      const endpoints = views.endpointsOf(address)
      const index = Math.floor((yield* Random.next) * endpoints.length)
      const refused = new ProxyError({ reason: "Refused", detail: `no pod of ${address} is ready` })
      return endpoints[index] ?? (yield* refused)
    })

    /** Each attempt of a request is one for the same version, unless an alias moved in between. */
    const attempt = (
      { point, ...route }: Route & { readonly point: number },
      request: IncomingMessage,
      response: ServerResponse,
      requestId: string
    ) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const fn = find(route, point)
          if (fn === undefined) return yield* views.knowsFunctions() ? notFound(route) : noRoute.notReady
          const { address, forget, release } = yield* restore(resolve(fn, requestId))
          const headers = { ...functionHeaders(fn, request, requestId), ...parameterHeaders(route) }
          const seconds = functionTimeoutSeconds(decoded(fn) ?? { metadata: fn.metadata, spec: {} })
          yield* dial(address).pipe(
            Effect.flatMap((pod) => forward(request, response, { address: pod, target: route.target, headers })),
            Effect.tapError(({ reason }) => (reason === "Refused" ? forget : Effect.void)),
            Effect.timeoutOrElse({ duration: Duration.seconds(seconds), orElse: () => Effect.fail(tooLate(seconds)) }),
            restore,
            Effect.ensuring(release)
          )
        })
      )

    return Effect.fnUntraced(function* (request: IncomingMessage, response: ServerResponse) {
      const requestId = requestIdOf(request)
      response.setHeader("x-fission-request-id", requestId)
      const point = yield* Random.next
      const route = routeOf(request, views, point)
      if (typeof route === "string") return yield* answerError(response, requestId, noRoute[route])
      yield* attempt({ ...route, point }, request, response, requestId).pipe(
        Effect.retry({
          schedule: afterRefusal,
          while: (error) => error._tag === "ProxyError" && error.reason === "Refused"
        }),
        Effect.catchTag("ProxyError", (error) => Effect.fail(fromProxy(error))),
        Effect.catchTag("RouteError", (error) => answerError(response, requestId, error))
      )
    })
  })

const decoded = (fn: RawObject): FissionFunction | undefined => Result.getOrUndefined(Functions.decode(fn))

const requestsPerPodOf = (fn: RawObject): number => {
  const known = decoded(fn)
  return known === undefined ? 1 : requestsPerPod(known)
}

/** Whether every request of a poolmgr function asks the executor, whatever the slices show (http-api.md section 10.2). */
const mustAsk = (fn: RawObject): boolean =>
  decoded(fn)?.spec.onceOnly === true || fn.metadata.annotations?.["fission.io/concurrency-enforcement"] === "strict"

/** One use of an address that the executor was not asked for. */
const tapOf = (fn: RawObject, executorType: string, address: string): ExecutorClient.Tap => {
  const { name, namespace, resourceVersion, uid } = fn.metadata
  return {
    FnMetadata: { name, namespace, uid, resourceVersion },
    FnExecutorType: executorType,
    ServiceURL: `http://${address}`
  }
}

/** The caller's id when it is 1 to 192 printable characters, else a fresh one (http-api.md section 9). */
const requestIdOf = (request: IncomingMessage): string => {
  const given = request.headers["x-fission-request-id"]
  return typeof given === "string" && /^[\x21-\x7e]{1,192}$/u.test(given) ? given : randomUUID()
}

/** What a function learns about itself (function-pod-protocol.md section 10.4). */
const functionHeaders = (fn: RawObject, request: IncomingMessage, requestId: string) => ({
  "x-fission-function-uid": fn.metadata.uid ?? "",
  "x-fission-function-name": fn.metadata.name,
  "x-fission-function-namespace": fn.metadata.namespace ?? "",
  "x-fission-function-resourceversion": fn.metadata.resourceVersion ?? "",
  "x-fission-full-url": request.url ?? "/",
  "x-fission-request-id": requestId
})

const parameterHeaders = ({ parameters }: Route) =>
  Object.fromEntries(Object.entries(parameters).map(([name, value]) => [`x-fission-params-${name}`, value]))

const unknownFunction = new RouteError({
  status: 404,
  component: "router",
  reason: "function_not_found",
  detail: "no function of this name"
})

/** A function that is not there, or an alias or version of one that leads nowhere. */
const notFound = ({ alias, name, version }: FunctionReference): RouteError => {
  if (alias === undefined && version === undefined) return unknownFunction
  const what = version === undefined ? `alias "${alias}" leads to no version` : `"${version}" is no version`
  return new RouteError({
    status: 404,
    component: "router",
    reason: "function_not_found",
    detail: `${what} of function "${name}"`
  })
}

const noRoute: { readonly [reason in NoRoute]: RouteError } = {
  unknown: unknownFunction,
  notReady: new RouteError({
    status: 503,
    component: "router",
    reason: "not_ready",
    detail: "the functions are not all known yet"
  }),
  otherMethod: new RouteError({
    status: 405,
    component: "router",
    reason: "method_not_allowed",
    detail: "no trigger of this path takes this method"
  })
}

const specializationFailed = (detail: string) =>
  new RouteError({ status: 500, component: "executor", reason: "specialization_failed", detail })

const fromExecutor = (error: ExecutorClient.ExecutorError): RouteError =>
  error.status === 429
    ? new RouteError({ status: 429, component: "executor", reason: "capacity_exceeded", detail: error.text })
    : specializationFailed(error.message)

const fromProxy = ({ detail, reason }: ProxyError): RouteError =>
  new RouteError({
    status: 502,
    component: "function",
    reason: reason === "Refused" ? "unreachable" : "connection_lost",
    detail
  })

const tooLate = (seconds: number): RouteError =>
  new RouteError({ status: 504, component: "function", reason: "timeout", detail: `no answer within ${seconds} s` })

const answerError = (response: ServerResponse, requestId: string, error: RouteError): Effect.Effect<void> =>
  Effect.sync(() => {
    if (response.headersSent) return void response.destroy()
    const { component, detail: message, reason, status } = error
    response.writeHead(status, { "content-type": "application/json" })
    response.end(JSON.stringify({ component, reason, requestId, message }))
  })
