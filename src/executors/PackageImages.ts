import { Context, Effect, Layer, RcMap, Result, Semaphore } from "effect"
import type { KubernetesError } from "../Errors.ts"
import type { FissionFunction } from "../fission/Function.ts"
import { type ImageVolume, imageVolumeOf } from "../fission/ImageVolume.ts"
import { WholePackages } from "../fission/ResourceKind.ts"
import type { NamespaceView } from "../informers/NamespaceView.ts"
import { type CallOptions, KubernetesApi } from "../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../kubernetes/RetryPolicy.ts"

/** What is kept of a Package that was read. */
interface Copy {
  readonly uid: string
  readonly resourceVersion: string
  readonly image: ImageVolume | undefined
}

/**
 * Which images Packages say their code is in (poolmgr.md section 22.2). Packages are watched as metadata only, for their
 * literals are large: each is read once for every version that somebody asks for, and nothing of it is kept but the image.
 */
export class PackageImages extends Context.Service<
  PackageImages,
  {
    /**
     * The image with a Function's code, undefined where it is in none. Without a call where the copy is of the version
     * that the view shows; else one live read, whoever asks at the same time. `NotFound`: there is no such Package.
     */
    readonly of: (
      view: NamespaceView,
      fn: FissionFunction,
      options?: CallOptions
    ) => Effect.Effect<ImageVolume | undefined, KubernetesError>
    /** Reads a Package ahead, if its copy is not of the version that the view shows. */
    readonly refresh: (view: NamespaceView, name: string) => Effect.Effect<void, KubernetesError>
    /** Forgets a Package that is gone. */
    readonly forget: (view: NamespaceView, name: string) => void
  }
>()("fission-executor/executors/PackageImages") {
  static readonly layer: Layer.Layer<PackageImages, never, KubernetesApi> = Layer.effect(
    PackageImages,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const copies = new Map<string, Copy>()
      const reads = yield* RcMap.make({ lookup: (_package: string) => Semaphore.make(1) })

      /** Undefined: there is none of the version that the view shows. */
      const copyOf = (view: NamespaceView, name: string) => {
        const copy = copies.get(`${view.namespace}/${name}`)
        const shown = view.packages.get(view.namespace, name)?.metadata
        if (copy === undefined || shown === undefined) return undefined
        return copy.uid === shown.uid && isAtLeast(copy.resourceVersion, shown.resourceVersion ?? "") ? copy : undefined
      }

      const read = Effect.fnUntraced(function* (view: NamespaceView, name: string, options?: CallOptions) {
        const live = yield* api.get(WholePackages, { namespace: view.namespace, name }, options)
        const archive = Result.getOrUndefined(WholePackages.decode(live))?.spec?.deployment?.oci
        const { resourceVersion, uid } = live.metadata
        const image = archive ? imageVolumeOf(archive) : undefined
        const copy: Copy = { uid: uid ?? "", resourceVersion: resourceVersion ?? "", image }
        copies.set(`${view.namespace}/${name}`, copy)
        return copy
      })

      const current = Effect.fnUntraced(function* (view: NamespaceView, name: string, options?: CallOptions) {
        const known = copyOf(view, name)
        if (known !== undefined) return known
        const lock = yield* RcMap.get(reads, `${view.namespace}/${name}`)
        const readUnlessThere = Effect.suspend(() => {
          const known = copyOf(view, name)
          return known === undefined ? read(view, name, options) : Effect.succeed(known)
        })
        return yield* lock.withPermit(readUnlessThere)
      }, Effect.scoped)

      return PackageImages.of({
        of: (view, fn, options) => {
          const name = nameOf(view, fn)
          if (name === undefined) return Effect.undefined
          return Effect.map(RetryPolicy.retry(RetryPolicy.critical)(current(view, name, options)), ({ image }) => image)
        },
        refresh: (view, name) =>
          view.packages.get(view.namespace, name) === undefined ? Effect.void : Effect.asVoid(current(view, name)),
        forget: (view, name) => void copies.delete(`${view.namespace}/${name}`)
      })
    })
  )
}

/** The Package of a Function, where it is in its namespace; what its fetcher finds in another one is its own affair. */
const nameOf = (view: NamespaceView, { spec }: FissionFunction): string | undefined => {
  const { name, namespace } = spec.package?.packageref ?? {}
  return name && (namespace || view.namespace) === view.namespace ? name : undefined
}

/** A read may be ahead of the view: versions of one object only grow. */
const isAtLeast = (version: string, other: string): boolean =>
  version === other || (/^\d+$/u.test(version) && /^\d+$/u.test(other) && BigInt(version) > BigInt(other))
