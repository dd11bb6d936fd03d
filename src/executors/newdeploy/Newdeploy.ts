import { Duration, Effect, Layer, Result, type Scope } from "effect"
import { Settings } from "../../Config.ts"
import type { FissionFunction } from "../../fission/Function.ts"
import { type ImageVolume, problemOf } from "../../fission/ImageVolume.ts"
import { ports } from "../../fission/Labels.ts"
import { keyOf } from "../../fission/ObjectMeta.ts"
import type { Deployment } from "../../fission/Workloads.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import { functionObjects, functionObjectsReference, withTemplateOf } from "../../podspec/FunctionObjects.ts"
import { objectOf } from "../../podspec/Json.ts"
import { newdeployTemplate } from "../../podspec/NewdeployTemplate.ts"
import { hasImageVolume } from "../../podspec/PodImageVolume.ts"
import { PodSpecError } from "../../podspec/PodSpecError.ts"
import * as DeploymentExecutor from "../deployments/DeploymentExecutor.ts"
import { deploymentOf } from "../deployments/FunctionDeployment.ts"
import { functionWork } from "../ExecutorType.ts"
import { functionEnvironment } from "../FunctionEnvironment.ts"
import { ImageVolumes } from "../ImageVolumes.ts"
import { InstanceId } from "../InstanceId.ts"
import { PackageImages } from "../PackageImages.ts"

/** Time after which it is looked again where the code of a function comes from, while nobody knows. */
const lookAgainAfter = Duration.seconds(30)

/** Where pods have their code from: an image, the fetcher (neither), or as it is in the Deployment that is there. */
interface CodeSource {
  readonly image?: ImageVolume | undefined
  readonly kept?: Deployment
}

/**
 * The executor type `newdeploy`: a Deployment for each function, of its Environment's runtime and a fetcher that loads the
 * function when a pod starts (newdeploy-and-container.md). Registers itself while the process is built.
 */
export const layer: Layer.Layer<
  never,
  never,
  Exclude<DeploymentExecutor.Requirements, Scope.Scope> | InstanceId | ImageVolumes | PackageImages
> = Layer.effectDiscard(
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const settings = yield* Settings
    const instance = yield* InstanceId
    const imageVolumes = yield* ImageVolumes
    const packageImages = yield* PackageImages
    const supervisor = yield* Supervisor

    /** What is not known never changes a template: the Deployment keeps it, and is looked at again. */
    const keep = (view: NamespaceView, fn: FissionFunction, kept: Deployment) =>
      Effect.as(
        supervisor
          .cell(view.namespace)
          ?.enqueueAfter({ handler: functionWork, name: fn.metadata.name }, lookAgainAfter) ?? Effect.void,
        { kept }
      )

    const codeSource = Effect.fnUntraced(function* (view: NamespaceView, fn: FissionFunction) {
      const fetched: CodeSource = {}
      const shown = deploymentOf(view, functionObjectsReference("newdeploy", fn, settings), fn)
      const mounting = shown !== undefined && hasImageVolume(objectOf(shown.spec.template)) ? shown : undefined
      const support = imageVolumes.support()
      if (support === "Off") return fetched
      if (support === "Unknown") return mounting === undefined ? fetched : yield* keep(view, fn, mounting)
      return yield* packageImages.of(view, fn, { priority: "request" }).pipe(
        Effect.map((image): CodeSource => ({ image })),
        // A Package that is gone takes the code away from nobody who has it (newdeploy-and-container.md section 15).
        Effect.catchTag("KubernetesNotFound", () =>
          Effect.succeed(mounting === undefined ? fetched : { kept: mounting })
        ),
        Effect.catch((error) => (shown === undefined ? Effect.fail(error) : keep(view, fn, shown)))
      )
    })

    yield* DeploymentExecutor.register({
      name: "newdeploy",
      objects: Effect.fnUntraced(function* (view, fn, { sum }) {
        const environment = yield* functionEnvironment(api, view, fn)
        const { image, kept }: CodeSource = yield* codeSource(view, fn)
        const problem = image && problemOf(image)
        const built =
          problem === undefined ? newdeployTemplate(fn, environment, settings, sum, image) : Result.fail([problem])
        const template = yield* Effect.fromResult(
          Result.mapError(
            built,
            (problems) => new PodSpecError({ subject: `function ${keyOf(fn.metadata)}`, problems })
          )
        )
        const given = { fn, environment, template, port: ports.runtime, instanceId: instance.value }
        const objects = functionObjects("newdeploy", given, settings)
        return kept === undefined ? objects : withTemplateOf(objects, kept)
      })
    })
  })
)
