import { hash16 } from "./Canonical.ts"
import type { OciArchive } from "./Package.ts"

/** An OCI image with a function's code, as pods mount it (poolmgr.md section 18). */
export interface ImageVolume {
  /** The image, with its digest where the Package names one. */
  readonly reference: string
  /** As the Package has it, slashes at its ends included: it is part of `imageHash`. */
  readonly subPath: string
  /** Names of the Secrets with which the image is pulled. */
  readonly pullSecrets: ReadonlyArray<string>
}

/** What the pods of a pool of its own have mounted, and whether a fetcher is beside it for what is no code. */
export interface PoolImage extends ImageVolume {
  readonly hasFetcher: boolean
}

/** The volume that a Package asks for; a digest in the image goes before the one beside it. */
export const imageVolumeOf = ({ digest, image, imagePullSecrets, subPath }: OciArchive): ImageVolume => ({
  reference: (digest ?? "") === "" || image.includes("@") ? image : `${image}@${digest ?? ""}`,
  subPath: subPath ?? "",
  pullSecrets: (imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : []))
})

/** The sixteen hex digits that tell pools of one Environment apart; the stock executor's (poolmgr.md section 18). */
export const imageHash = ({ hasFetcher, pullSecrets, reference, subPath }: PoolImage): string =>
  hash16([reference, subPath, ...pullSecrets, ...(hasFetcher ? ["variant=fetcher"] : [])].join("\0"))

/** The folder of the image that is mounted, as Kubernetes wants it: without slashes at its ends; empty for all of it. */
export const mountedPath = ({ subPath }: ImageVolume): string => subPath.replace(/^\/+|\/+$/gu, "")

const host = String.raw`(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?`
const pathPart = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
const reference = new RegExp(
  String.raw`^(?:${host}/)?${pathPart}(?:/${pathPart})*(?::\w[\w.-]{0,127})?(?:@[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,})?$`,
  "u"
)

/** What an API server or a kubelet would refuse about a volume, as a sentence; undefined where nothing is wrong. */
export const problemOf = (volume: ImageVolume): string | undefined => {
  if (!reference.test(volume.reference)) return `"${volume.reference}" is no reference of an OCI image`
  return mountedPath(volume).split("/").includes("..")
    ? `the path "${volume.subPath}" leads out of the image`
    : undefined
}
