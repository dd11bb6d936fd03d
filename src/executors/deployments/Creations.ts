import { Duration, Effect, Fiber, FiberMap, Option, type Scope } from "effect"
import type { FunctionService } from "../../caches/FunctionServiceCache.ts"
import type { SettingsShape } from "../../Config.ts"
import { FissionError, type KubernetesError } from "../../Errors.ts"
import { type FissionFunction, minScale, specializationSeconds } from "../../fission/Function.ts"
import { keyOf } from "../../fission/ObjectMeta.ts"
import { Functions } from "../../fission/ResourceKind.ts"
import { type Deployment, isDeleting } from "../../fission/Workloads.ts"
import { isSynced, type NamespaceView } from "../../informers/NamespaceView.ts"
import type { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../../kubernetes/RetryPolicy.ts"
import { functionObjectsReference } from "../../podspec/FunctionObjects.ts"
import type { DeletionRefused } from "../../safeguards/Deletion.ts"
import { coldStart, inPhase, recordingPhases } from "../ColdStartPhases.ts"
import { creationError, notSynced, unavailable } from "../CreationError.ts"
import type { Availability } from "./Availability.ts"
import type { Unbuildable } from "./DeploymentKind.ts"
import { deploymentOf } from "./FunctionDeployment.ts"
import type { FunctionDeployments } from "./FunctionDeployments.ts"

/** Brings up functions that requests wait for. */
export interface Creations {
  /**
   * Has a function served: creates or changes its objects, scales them up from zero, and waits for a pod. One at a time
   * for each generation, detached from its callers, who all get the same result (http-api.md section 6, G1). Nothing is
   * taken back when it fails or takes too long.
   */
  readonly run: (view: NamespaceView, fn: FissionFunction) => Effect.Effect<FunctionService, FissionError>
}

/** Nothing is being brought up yet; what is ends with the scope. */
export const make = (
  type: string,
  given: {
    readonly api: KubernetesApi["Service"]
    readonly settings: SettingsShape
    readonly deployments: FunctionDeployments
    readonly availability: Availability
    readonly serviceOf: (fn: FissionFunction, deploymentUid: string) => FunctionService
    readonly onServed: (view: NamespaceView, fn: FissionFunction, service: FunctionService) => Effect.Effect<void>
  }
): Effect.Effect<Creations, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { api, availability, deployments, onServed, serviceOf, settings } = given
    const creations = yield* FiberMap.make<string, FunctionService, FissionError>()
    const fork = yield* FiberMap.runtime(creations)()

    /** A function that is gone gets nothing (newdeploy-and-container.md section 13.2 step 2). */
    const checkAlive = Effect.fnUntraced(function* (view: NamespaceView, fn: FissionFunction) {
      const { name, uid } = fn.metadata
      const known =
        view.functions.get(view.namespace, name) ??
        (yield* api.get(Functions, { namespace: view.namespace, name }, { priority: "request" }).pipe(
          RetryPolicy.retry(RetryPolicy.critical),
          Effect.catchTag("KubernetesNotFound", () => Effect.succeed(undefined)),
          Effect.mapError((error) => unavailable(fn, error))
        ))
      const isThere = known !== undefined && known.metadata.uid === uid
      if (isThere && !isDeleting(known.metadata)) return
      const gone = isThere ? "is being deleted" : "is gone"
      const text = `function ${keyOf(fn.metadata)} ${gone}, not creating service`
      return yield* new FissionError({ kind: "NotFound", text })
    })

    /** At least one replica, and at least as many as the Function says. */
    const raised = (fn: FissionFunction) => (deployment: Deployment) => {
      const least = Math.max(1, minScale(fn))
      return (deployment.spec.replicas ?? 1) < least ? least : undefined
    }

    const serve = Effect.fnUntraced(
      function* (view: NamespaceView, fn: FissionFunction) {
        if (!isSynced(view)) return yield* notSynced(view)
        yield* checkAlive(view, fn)
        const options = { priority: "request" } as const
        const deployment = yield* deployments.converge(view, fn, options).pipe(
          Effect.flatMap(({ deployment }) => deployments.scale(deployment, raised(fn), options)),
          Effect.mapError((error) => asFissionError(fn, error)),
          inPhase("service_ensure")
        )
        yield* availability.wait(view, deployment).pipe(
          Effect.timeoutOrElse({
            duration: Duration.seconds(waitSeconds(fn)),
            orElse: () => Effect.fail(notAvailable(view, fn, functionObjectsReference(type, fn, settings)))
          }),
          inPhase("ready")
        )
        const service = serviceOf(fn, deployment.metadata.uid ?? "")
        yield* onServed(view, fn, service)
        return service
      },
      (effect, _view, fn) => recordingPhases(type)(coldStart(type, fn)(effect)),
      (effect, view, fn) => Effect.annotateLogs(effect, { namespace: view.namespace, function: fn.metadata.name })
    )

    return {
      run: (view, fn) =>
        Effect.suspend(() => {
          const { name } = functionObjectsReference(type, fn, settings)
          const key = `${name}/${fn.metadata.generation ?? 0}`
          const running = FiberMap.getUnsafe(creations, key)
          if (Option.isSome(running)) return Fiber.join(running.value)
          // Detached from its creator, but in its trace and with its correlation id (http-api.md section 6).
          return Effect.flatMap(Effect.context<never>(), (context) =>
            Fiber.join(fork(key, Effect.provideContext(serve(view, fn), context)))
          )
        })
    }
  })

/** Seconds that pods may take; the whole creation has a little more. */
const waitSeconds = (fn: FissionFunction): number => specializationSeconds(fn) - 10

const asFissionError = (fn: FissionFunction, error: Unbuildable | KubernetesError | DeletionRefused): FissionError => {
  switch (error._tag) {
    case "PodSpecError":
    case "EnvironmentMissing":
    case "ReferenceMissing":
      return creationError(fn, error.message)
    default:
      return unavailable(fn, error)
  }
}

/** The words of the stock executor, and those of the Deployment where it says why. */
const notAvailable = (
  view: NamespaceView,
  fn: FissionFunction,
  reference: ReturnType<typeof functionObjectsReference>
): FissionError => {
  const text = `failed to create deployment within the timeout window of ${waitSeconds(fn)} seconds`
  const conditions = deploymentOf(view, reference, fn)?.status?.conditions ?? []
  const trouble = conditions.find(({ status, type }) => status === (type === "ReplicaFailure" ? "True" : "False"))
  return creationError(fn, trouble?.message ? `${text} (${trouble.message})` : text, "NotReadyInTime")
}
