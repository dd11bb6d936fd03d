import { Effect, Layer, Result, type Scope } from "effect"
import { Settings } from "../../Config.ts"
import type { FissionFunction } from "../../fission/Function.ts"
import { keyOf } from "../../fission/ObjectMeta.ts"
import { containerPort, containerTemplate } from "../../podspec/ContainerTemplate.ts"
import { functionObjects } from "../../podspec/FunctionObjects.ts"
import { PodSpecError } from "../../podspec/PodSpecError.ts"
import * as DeploymentExecutor from "../deployments/DeploymentExecutor.ts"
import { ReferenceMissing } from "../deployments/References.ts"
import { InstanceId } from "../InstanceId.ts"

/**
 * The executor type `container`: a Deployment for each function, of the container that its own pod spec brings, without
 * Environment and fetcher (newdeploy-and-container.md). Registers itself while the process is built.
 */
export const layer: Layer.Layer<never, never, Exclude<DeploymentExecutor.Requirements, Scope.Scope> | InstanceId> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      const settings = yield* Settings
      const instance = yield* InstanceId

      yield* DeploymentExecutor.register({
        name: "container",
        objects: Effect.fnUntraced(function* (_view, fn, { missing, sum }) {
          const subject = `function ${keyOf(fn.metadata)}`
          const lacking = requiredObjects(fn).filter((object) => missing.includes(object))
          if (lacking.length > 0) {
            const message = `${subject}: ${lacking.map((object) => `${object} does not exist`).join("; ")}`
            return yield* new ReferenceMissing({ message })
          }
          const template = yield* Effect.fromResult(
            Result.mapError(containerTemplate(fn, settings, sum), (problems) => new PodSpecError({ subject, problems }))
          )
          const given = { fn, template, port: containerPort(fn) ?? 0, instanceId: instance.value }
          return functionObjects("container", given, settings)
        })
      })
    })
  )

/** A Function without sources of variables gets every object that it lists as one: those must be there (section 10). */
const requiredObjects = ({ spec }: FissionFunction): ReadonlyArray<string> =>
  (spec.envFrom ?? []).length > 0
    ? []
    : [
        ...(spec.configmaps ?? []).map(({ name }) => `configmap ${name}`),
        ...(spec.secrets ?? []).map(({ name }) => `secret ${name}`)
      ]
