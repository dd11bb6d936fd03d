import { Effect, Layer, Result, type Scope } from "effect"
import { Settings } from "../../Config.ts"
import { ports } from "../../fission/Labels.ts"
import { keyOf } from "../../fission/ObjectMeta.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { functionObjects } from "../../podspec/FunctionObjects.ts"
import { newdeployTemplate } from "../../podspec/NewdeployTemplate.ts"
import { PodSpecError } from "../../podspec/PodSpecError.ts"
import * as DeploymentExecutor from "../deployments/DeploymentExecutor.ts"
import { functionEnvironment } from "../FunctionEnvironment.ts"
import { InstanceId } from "../InstanceId.ts"

/**
 * The executor type `newdeploy`: a Deployment for each function, of its Environment's runtime and a fetcher that loads the
 * function when a pod starts (newdeploy-and-container.md). Registers itself while the process is built.
 */
export const layer: Layer.Layer<never, never, Exclude<DeploymentExecutor.Requirements, Scope.Scope> | InstanceId> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const settings = yield* Settings
      const instance = yield* InstanceId

      yield* DeploymentExecutor.register({
        name: "newdeploy",
        objects: Effect.fnUntraced(function* (view, fn, { sum }) {
          const environment = yield* functionEnvironment(api, view, fn)
          const template = yield* Effect.fromResult(
            Result.mapError(
              newdeployTemplate(fn, environment, settings, sum),
              (problems) => new PodSpecError({ subject: `function ${keyOf(fn.metadata)}`, problems })
            )
          )
          const given = { fn, environment, template, port: ports.runtime, instanceId: instance.value }
          return functionObjects("newdeploy", given, settings)
        })
      })
    })
  )
