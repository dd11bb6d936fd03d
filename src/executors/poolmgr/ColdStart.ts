import { Context, Duration, Effect, Exit, Layer, type Scope } from "effect"
import type { PooledPod, Reservation, Slot } from "../../caches/PoolCache.ts"
import { Settings } from "../../Config.ts"
import { FissionError, type KubernetesError } from "../../Errors.ts"
import { addressOf } from "../../fission/Address.ts"
import type { Environment } from "../../fission/Environment.ts"
import { type FissionFunction, specializationSeconds } from "../../fission/Function.ts"
import { ports } from "../../fission/Labels.ts"
import { Environments } from "../../fission/ResourceKind.ts"
import type { Pod } from "../../fission/Workloads.ts"
import { isSynced, type NamespaceView } from "../../informers/NamespaceView.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../../kubernetes/RetryPolicy.ts"
import { cpuLimit } from "../../podspec/PoolDeployment.ts"
import { specializeRequest } from "../../podspec/SpecializeRequest.ts"
import { FetcherClient, type SpecializeError } from "../../specialization/FetcherClient.ts"
import { Claims } from "./Claims.ts"
import { creationError, notSynced, unavailable } from "./CreationError.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { PodLifecycle } from "./PodLifecycle.ts"
import { PoolDeployments } from "./PoolDeployments.ts"

/** Longest wait for a permit of the final patch: the budget of a critical call (failure-semantics.md section 3). */
const permitWithin = Duration.seconds(10)

/** One request's cold start. */
export interface ColdStartRequest {
  readonly view: NamespaceView
  readonly fn: FissionFunction
  readonly reservation: Reservation
  readonly correlationId: string
}

/** From a reservation to a pod that has the function's code loaded (poolmgr.md section 8). */
export class ColdStart extends Context.Service<
  ColdStart,
  {
    /**
     * Settles the reservation: with a pod, or with the failure, which is remembered where it is the pod's final answer.
     * Interrupting it leaves no claimed pod behind.
     */
    readonly run: (request: ColdStartRequest) => Effect.Effect<Slot, FissionError>
  }
>()("fission-executor/executors/poolmgr/ColdStart") {
  static readonly layer: Layer.Layer<
    ColdStart,
    never,
    KubernetesApi | Claims | PodLifecycle | PoolDeployments | FetcherClient | Settings
  > = Layer.effect(
    ColdStart,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const claims = yield* Claims
      const lifecycle = yield* PodLifecycle
      const deployments = yield* PoolDeployments
      const fetcher = yield* FetcherClient
      const settings = yield* Settings

      /** The Function's Environment from the view, or live where the view does not have it yet. */
      const environmentOf = Effect.fnUntraced(function* (view: NamespaceView, fn: FissionFunction) {
        const { name = "", namespace } = fn.spec.environment ?? {}
        if ((namespace ?? "") !== "" && namespace !== view.namespace) {
          const cause = `cross-namespace environment reference is not allowed: fn.namespace=${view.namespace} env.namespace=${namespace}`
          return yield* creationError(fn, cause)
        }
        const known = view.environments.get(view.namespace, name ?? "")
        if (known !== undefined) return known
        const missing = creationError(fn, `Environment.fission.io "${name ?? ""}" not found`)
        if ((name ?? "") === "") return yield* missing
        const live = yield* api
          .get(Environments, { namespace: view.namespace, name: name ?? "" }, { priority: "request" })
          .pipe(
            RetryPolicy.retry(RetryPolicy.critical),
            Effect.catchTag("KubernetesNotFound", () => Effect.fail(missing)),
            Effect.mapError((error) => (error._tag === "FissionError" ? error : unavailable(fn, error)))
          )
        return yield* Effect.fromResult(Environments.decode(live)).pipe(
          Effect.mapError((problem) =>
            creationError(fn, `environment "${name ?? ""}" cannot be read: ${problem.message}`)
          )
        )
      })

      const demandPool = (view: NamespaceView, environment: Environment, fn: FissionFunction) =>
        deployments.demand(view, environment).pipe(
          Effect.catchTag("PodSpecError", (error) => Effect.fail(creationError(fn, error.message))),
          Effect.mapError((error) => (error._tag === "FissionError" ? error : unavailable(fn, error)))
        )

      const claim = (
        request: ColdStartRequest,
        environment: Environment
      ): Effect.Effect<Pod, FissionError, Scope.Scope> => {
        const { fn, view } = request
        const within = Duration.min(settings.podReadyTimeout, Duration.seconds(specializationSeconds(fn) - 1))
        return claims.claim({ view, environment, fn }).pipe(
          Effect.mapError((error: KubernetesError) => unavailable(fn, error)),
          Effect.timeoutOrElse({
            duration: within,
            orElse: () => {
              const trouble = FunctionPod.troubleOf(view, environment)
              const text = "timeout: waited too long to get a ready pod"
              return Effect.fail(creationError(fn, trouble === undefined ? text : `${text} (${trouble})`))
            }
          })
        )
      }

      const load = ({ correlationId, fn }: ColdStartRequest, environment: Environment, pod: Pod) =>
        fetcher.specialize({
          podAddress: pod.status?.podIP ?? "",
          body: specializeRequest(environment, fn),
          correlationId
        })

      /** Claims a pod and loads the function. A pod that fails goes away when its scope closes. */
      const tryOnce = (
        request: ColdStartRequest,
        environment: Environment,
        serve: (pod: PooledPod) => Slot
      ): Effect.Effect<Slot, FissionError | SpecializeError> =>
        Effect.scoped(
          Effect.gen(function* () {
            const pod = yield* claim(request, environment)
            yield* load(request, environment, pod)
            return serve(pooledPod(pod, environment, request.fn))
          })
        )

      /** A permit of the final patches, given back unless `isTaken` says that somebody took it over. */
      const permit = (fn: FissionFunction, isTaken: () => boolean) =>
        Effect.acquireRelease(
          lifecycle.finalPatches
            .take(1)
            .pipe(Effect.timeoutOrElse({ duration: permitWithin, orElse: () => Effect.fail(tooManyUnfinished(fn)) })),
          () => (isTaken() ? Effect.void : lifecycle.finalPatches.release(1)),
          { interruptible: true }
        )

      const start = Effect.fnUntraced(function* (request: ColdStartRequest) {
        const { fn, reservation, view } = request
        let served = false
        const serve = (pod: PooledPod) => {
          served = true
          lifecycle.serving(pod, fn.metadata.resourceVersion ?? "")
          return reservation.fulfil(pod)
        }
        if (!isSynced(view)) return yield* notSynced(view)
        yield* checkReferences(fn)
        const environment = yield* environmentOf(view, fn)
        yield* demandPool(view, environment, fn)
        yield* permit(fn, () => served)
        // A pod that could not be reached, or whose answer was lost, gets one successor (W35); an answer is final.
        return yield* tryOnce(request, environment, serve).pipe(
          Effect.retry({ times: 1, while: (error) => error._tag === "SpecializeError" && error.reason !== "Answered" })
        )
      })

      const run = Effect.fn("ColdStart.run")(function* (request: ColdStartRequest) {
        const { fn, reservation } = request
        return yield* Effect.scoped(start(request)).pipe(
          Effect.catchTag("SpecializeError", (error) => {
            const failure = asFissionError(fn, error)
            if (error.reason === "Answered") reservation.abandon(failure)
            return Effect.fail(failure)
          }),
          Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => reservation.abandon())))
        )
      })

      return ColdStart.of({ run })
    })
  )
}

const pooledPod = (pod: Pod, environment: Environment, fn: FissionFunction): PooledPod => ({
  address: addressOf(pod.status?.podIP ?? "", ports.runtime),
  ...FunctionPod.identity(pod),
  fn: {
    uid: fn.metadata.uid ?? "",
    generation: fn.metadata.generation ?? 0,
    name: fn.metadata.name,
    namespace: fn.metadata.namespace ?? ""
  },
  environmentUid: environment.metadata.uid ?? "",
  cpuLimit: cpuLimit(pod)
})

/** Secrets and ConfigMaps must be of the Function's own namespace (poolmgr.md section 8 step 7, W38). */
const checkReferences = (fn: FissionFunction): Effect.Effect<void, FissionError> => {
  const kinds = [
    ["configmap", fn.spec.configmaps],
    ["secret", fn.spec.secrets]
  ] as const
  for (const [kind, references] of kinds) {
    const foreign = (references ?? []).find((reference) => reference.namespace !== fn.metadata.namespace)
    if (foreign === undefined) continue
    return Effect.fail(creationError(fn, `${kind} ${foreign.name} must be in same namespace as function namespace`))
  }
  return Effect.void
}

/** Kinds of a pod's answers, by status (function-pod-protocol.md section 11); every other one is `Internal`. */
const kindOfStatus: { readonly [status: number]: FissionError["kind"] } = {
  400: "InvalidArgument",
  401: "NotAuthorized",
  403: "NotAuthorized",
  404: "NotFound",
  409: "NameExists",
  429: "TooManyRequests"
}

/** A pod's own answer goes to the caller word for word; anything else says what happened to the request. */
const asFissionError = (fn: FissionFunction, error: SpecializeError): FissionError =>
  error.reason === "Answered"
    ? new FissionError({ kind: kindOfStatus[error.status] ?? "Internal", text: error.text, cause: error })
    : creationError(fn, `the pod did not answer: ${error.text}`)

const tooManyUnfinished = (fn: FissionFunction) =>
  new FissionError({
    kind: "Unavailable",
    text: `[${fn.metadata.name}] too many pods wait for their labels to be written; the Kubernetes API is slow`,
    retryAfterSeconds: 1
  })
