import { Context, Duration, Effect, Exit, Layer, Schedule } from "effect"
import type { PooledPod, Reservation, Slot } from "../../caches/PoolCache.ts"
import { Settings } from "../../Config.ts"
import type { FissionError, KubernetesError } from "../../Errors.ts"
import { addressOf } from "../../fission/Address.ts"
import type { Environment } from "../../fission/Environment.ts"
import { type FissionFunction, specializationSeconds } from "../../fission/Function.ts"
import { ports } from "../../fission/Labels.ts"
import type { Pod } from "../../fission/Workloads.ts"
import { isSynced, type NamespaceView } from "../../informers/NamespaceView.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { cpuLimit } from "../../podspec/CpuLimit.ts"
import { problemOf } from "../../fission/ImageVolume.ts"
import { loadRequest, specializeRequest } from "../../podspec/SpecializeRequest.ts"
import type { DeletionRefused } from "../../safeguards/Deletion.ts"
import { Leadership } from "../../safeguards/Leadership.ts"
import { functionEnvironment } from "../FunctionEnvironment.ts"
import { FetcherClient, isRefusedByRuntime } from "../../specialization/FetcherClient.ts"
import type { SpecializeError } from "../../specialization/PodRequests.ts"
import { RuntimeClient } from "../../specialization/RuntimeClient.ts"
import { coldStart, inPhase, phaseFailed } from "../ColdStartPhases.ts"
import { Claims } from "./Claims.ts"
import {
  asFissionError,
  creationError,
  notSynced,
  notTheLeader,
  tooManyUnfinished,
  unavailable
} from "../CreationError.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { ImagePools } from "./ImagePools.ts"
import { MeshServices } from "./MeshServices.ts"
import { PodLifecycle } from "./PodLifecycle.ts"
import type { Pool } from "./Pool.ts"
import { PoolDeployments } from "./PoolDeployments.ts"
import { referenceProblem, referenceVersions } from "./References.ts"
import { SharedPods } from "./SharedPods.ts"

/** Longest wait for a permit of the final patch: the budget of a critical call (failure-semantics.md section 3). */
const permitWithin = Duration.seconds(10)

/** One cold start. */
export interface ColdStartRequest {
  readonly view: NamespaceView
  readonly fn: FissionFunction
  readonly reservation: Reservation
  readonly correlationId: string
  /** Nobody waits for it yet, so the reserve is left to those who do. */
  readonly isAhead?: boolean
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
    | KubernetesApi
    | Claims
    | SharedPods
    | PodLifecycle
    | MeshServices
    | PoolDeployments
    | ImagePools
    | FetcherClient
    | RuntimeClient
    | Settings
    | Leadership
  > = Layer.effect(
    ColdStart,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const claims = yield* Claims
      const sharedPods = yield* SharedPods
      const lifecycle = yield* PodLifecycle
      const meshServices = yield* MeshServices
      const deployments = yield* PoolDeployments
      const imagePools = yield* ImagePools
      const fetcher = yield* FetcherClient
      const runtime = yield* RuntimeClient
      const settings = yield* Settings
      const leadership = yield* Leadership

      const environmentOf = (view: NamespaceView, fn: FissionFunction) =>
        functionEnvironment(api, view, fn).pipe(
          Effect.mapError((error) =>
            error._tag === "EnvironmentMissing"
              ? creationError(fn, error.message, "EnvironmentMissing")
              : unavailable(fn, error)
          )
        )

      /**
       * The pool that a pod is taken from. A replica that does not lead has its reserve alone, out of the plain one; there
       * the fetcher pulls an image.
       */
      const poolFor = Effect.fnUntraced(function* (view: NamespaceView, environment: Environment, fn: FissionFunction) {
        const image = leadership.role() === "Leader" ? yield* imagePools.imageFor(view, environment, fn) : undefined
        const problem = image && problemOf(image)
        if (problem === undefined) return { environment, image }
        return yield* creationError(fn, `package ${fn.spec.package?.packageref?.name ?? ""}: ${problem}`, "InvalidSpec")
      })

      const demandPool = (view: NamespaceView, pool: Pool, fn: FissionFunction) =>
        deployments.demand(view, pool).pipe(
          Effect.catchTag("PodSpecError", (error) => Effect.fail(creationError(fn, error.message, "InvalidSpec"))),
          Effect.mapError((error) => (error._tag === "FissionError" ? error : unavailable(fn, error)))
        )

      /** Bounds the wait for a pod, and says in the caller's words what came of it. */
      const podWithin = <R>(
        { fn, view }: ColdStartRequest,
        pool: Pool,
        obtain: Effect.Effect<Pod, KubernetesError | DeletionRefused | SpecializeError, R>
      ): Effect.Effect<Pod, FissionError | SpecializeError, R> =>
        obtain.pipe(
          Effect.mapError((error) => (error._tag === "SpecializeError" ? error : unavailable(fn, error))),
          Effect.timeoutOrElse({
            duration: Duration.min(settings.podReadyTimeout, Duration.seconds(specializationSeconds(fn) - 1)),
            orElse: () => {
              const trouble = FunctionPod.troubleOf(view, pool)
              const text = "timeout: waited too long to get a ready pod"
              const problem = trouble === undefined ? text : `${text} (${trouble})`
              return Effect.andThen(
                phaseFailed("choose_pod"),
                Effect.fail(creationError(fn, problem, "NotReadyInTime"))
              )
            }
          })
        )

      /**
       * By the fetcher, or by the runtime itself in a pod that has the code mounted and no fetcher (section 18). `meshHost`:
       * the name by which a mesh leads to the pod, where it is reached through one.
       */
      const load = (
        { correlationId, fn }: ColdStartRequest,
        { environment, image }: Pool,
        pod: Pod,
        meshHost?: string
      ) => {
        const podAddress = meshHost ?? hostOf(pod)
        const loaded =
          image?.hasFetcher === false
            ? runtime.specialize({ podAddress, body: loadRequest(environment, fn), correlationId })
            : fetcher.specialize({ podAddress, body: specializeRequest(environment, fn), correlationId })
        return inPhase("fetch_specialize")(meshHost === undefined ? loaded : Effect.retry(loaded, untilMeshLeadsThere))
      }

      /** Claims a pod and loads the function. A pod that fails goes away when its scope closes. */
      const inOwnPod = (
        request: ColdStartRequest,
        pool: Pool,
        serve: (pod: PooledPod) => Slot
      ): Effect.Effect<Slot, FissionError | SpecializeError> =>
        Effect.scoped(
          Effect.gen(function* () {
            const { fn, isAhead, view } = request
            yield* Effect.mapError(meshServices.alone(view, fn), (error) => unavailable(fn, error))
            const claim = { view, fn, ...pool, sparesReserve: isAhead === true }
            const pod = yield* podWithin(request, pool, claims.claim(claim))
            const host = meshServices.hostOf(view, fn)
            yield* load(request, pool, pod, host)
            return serve(pooledPod(pod, pool.environment, fn, host))
          })
        )

      /** The pod that the functions of the Environment share stays in its pool: nothing of it is claimed (W05). */
      const inSharedPod = (
        request: ColdStartRequest,
        environment: Environment
      ): Effect.Effect<Slot, FissionError | SpecializeError> => {
        const { fn, reservation, view } = request
        const obtain = sharedPods.obtain({ view, environment, fn }, (pod) => load(request, { environment }, pod))
        return Effect.map(podWithin(request, { environment }, obtain), (pod) =>
          reservation.fulfil(pooledPod(pod, environment, fn))
        )
      }

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
        const references = referenceVersions(view, fn)
        const serve = (pod: PooledPod) => {
          served = true
          lifecycle.serving({ pod, fn, references })
          return reservation.fulfil(pod)
        }
        if (!isSynced(view)) return yield* notSynced(view)
        const problem = referenceProblem(view, fn)
        if (problem !== undefined) return yield* creationError(fn, problem, "InvalidSpec")
        const environment = yield* environmentOf(view, fn)
        const pool = yield* poolFor(view, environment, fn)
        if (leadership.role() === "Leader") yield* demandPool(view, pool, fn)
        else if (FunctionPod.isShared(environment)) return yield* notTheLeader()
        yield* permit(fn, () => served)
        // A pod that could not be reached, or whose answer was lost, gets one successor (W35); an answer is final.
        const attempt = FunctionPod.isShared(environment)
          ? inSharedPod(request, environment)
          : inOwnPod(request, pool, serve)
        return yield* attempt.pipe(
          Effect.retry({ times: 1, while: (error) => error._tag === "SpecializeError" && error.reason !== "Answered" })
        )
      })

      const run = (request: ColdStartRequest) => {
        const { fn, reservation } = request
        return Effect.scoped(start(request)).pipe(
          Effect.catchTag("SpecializeError", (error) => {
            const failure = asFissionError(fn, error)
            if (error.reason === "Answered") reservation.abandon(failure)
            return Effect.fail(failure)
          }),
          Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => reservation.abandon()))),
          coldStart("poolmgr", fn)
        )
      }

      return ColdStart.of({ run })
    })
  )
}

/**
 * A mesh learns of the pod behind a Service some time after its labels were written: until then it refuses, or answers 503
 * by itself, which neither a fetcher nor a runtime that it speaks for does.
 */
const untilMeshLeadsThere = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")]).pipe(
  Schedule.setInputType<SpecializeError>(),
  Schedule.while(({ input }) => input.reason === "Unreachable" || (input.status === 503 && !isRefusedByRuntime(input))),
  Schedule.upTo({ duration: Duration.seconds(30) })
)

const hostOf = (pod: Pod): string => pod.status?.podIP ?? ""

const pooledPod = (pod: Pod, environment: Environment, fn: FissionFunction, host = hostOf(pod)): PooledPod => ({
  address: addressOf(host, ports.runtime),
  ...FunctionPod.identity(pod),
  fn: {
    uid: fn.metadata.uid ?? "",
    generation: fn.metadata.generation ?? 0,
    name: fn.metadata.name,
    namespace: fn.metadata.namespace ?? ""
  },
  environmentUid: environment.metadata.uid ?? "",
  shared: FunctionPod.isShared(environment),
  cpuLimit: cpuLimit(pod)
})
