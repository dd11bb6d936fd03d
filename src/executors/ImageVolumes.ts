import { Context, Effect, Layer, Random } from "effect"
import { Settings } from "../Config.ts"
import { KubernetesApi, type ServerVersion } from "../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../kubernetes/RetryPolicy.ts"

/** Whether pods can mount OCI images; `Unknown` until the server has said how old it is. */
export type ImageVolumeSupport = "Unknown" | "On" | "Off"

/**
 * Whether the operator wants OCI packages as image volumes and the API server has such volumes (poolmgr.md section 18,
 * newdeploy-and-container.md section 15).
 */
export class ImageVolumes extends Context.Service<
  ImageVolumes,
  {
    /** Once known it stays so. While `Unknown` nobody may change a template for it (failure-semantics.md B2). */
    readonly support: () => ImageVolumeSupport
  }
>()("fission-executor/executors/ImageVolumes") {
  /** Asks the server once it answers, as long as that takes; nothing where the operator does not want it. */
  static readonly layer: Layer.Layer<ImageVolumes, never, KubernetesApi | Settings> = Layer.effect(
    ImageVolumes,
    Effect.gen(function* () {
      const { serverVersion } = yield* KubernetesApi
      const { ociImageVolume } = yield* Settings
      let support: ImageVolumeSupport = ociImageVolume ? "Unknown" : "Off"

      const ask = Effect.gen(function* () {
        for (let failures = 1; ; failures++) {
          const error = yield* Effect.match(serverVersion, {
            onSuccess: (version) => void (support = isCapable(version) ? "On" : "Off"),
            onFailure: (error) => error
          })
          if (error === undefined) break
          yield* Effect.sleep(RetryPolicy.delayAfter(RetryPolicy.watch, error, failures, yield* Random.next))
        }
        yield* Effect.logInfo(
          support === "On"
            ? "OCI packages are mounted as image volumes"
            : "the API server is too old for image volumes: fetchers pull OCI packages"
        )
      })

      if (ociImageVolume) yield* Effect.forkScoped(ask)
      return ImageVolumes.of({ support: () => support })
    })
  )
}

/** Image volumes are switched on by default from Kubernetes 1.33 on. */
const isCapable = ({ major, minor }: ServerVersion): boolean => major > 1 || (major === 1 && minor >= 33)
