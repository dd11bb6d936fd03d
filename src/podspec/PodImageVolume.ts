import { Result } from "effect"
import { imageHash, type ImageVolume, mountedPath, type PoolImage } from "../fission/ImageVolume.ts"
import { type Json, listOf, objectOf } from "./Json.ts"

/** The volume with the image of an OCI package. */
const volumeName = "oci-package-image"

/** An image with code, and where it is mounted. */
export interface ImageMount {
  readonly image: ImageVolume
  readonly path: string
}

/**
 * The pod with the image mounted read-only in the containers named, and the Secrets to pull it with after its other ones
 * (poolmgr.md section 18, newdeploy-and-container.md section 15). Fails with a sentence for each conflict.
 */
export const withImageVolume = (
  podSpec: Json,
  { image, path }: ImageMount,
  names: ReadonlyArray<string>
): Result.Result<Json, ReadonlyArray<string>> => {
  const [containers, volumes] = [listOf(podSpec["containers"]), listOf(podSpec["volumes"])]
  const problems = [
    ...(volumes.some(({ name }) => name === volumeName) ? [`a volume is named "${volumeName}" already`] : []),
    ...names.filter((name) => !containers.some((held) => held["name"] === name)).map((name) => `no container "${name}"`)
  ]
  if (problems.length > 0) return Result.fail(problems)
  const subPath = mountedPath(image)
  const mount = { name: volumeName, readOnly: true, mountPath: path, ...(subPath === "" ? {} : { subPath }) }
  const mounted = containers.map((held) =>
    names.includes(String(held["name"])) ? { ...held, volumeMounts: [...listOf(held["volumeMounts"]), mount] } : held
  )
  const secrets = [...listOf(podSpec["imagePullSecrets"]), ...image.pullSecrets.map((name) => ({ name }))]
  return Result.succeed({
    ...podSpec,
    volumes: [...volumes, { name: volumeName, image: { reference: image.reference, pullPolicy: "IfNotPresent" } }],
    containers: mounted,
    ...(secrets.length === 0 ? {} : { imagePullSecrets: secrets })
  })
}

/** Whether the pods of a template mount the image of an OCI package. */
export const hasImageVolume = (template: Json): boolean => imageReferenceIn(template) !== undefined

const imageReferenceIn = (template: Json): string | undefined => {
  const volume = listOf(objectOf(template["spec"])["volumes"]).find(({ name }) => name === volumeName)
  const { reference } = objectOf(volume?.["image"])
  return typeof reference === "string" ? reference : undefined
}

/**
 * The image of a pool that has this hash, read from the template of its Deployment, whoever made it. Undefined where
 * the template does not say: the hash tells, for it goes over everything that is read.
 */
export const poolImageIn = (template: Json, hash: string): PoolImage | undefined => {
  const reference = imageReferenceIn(template)
  if (reference === undefined) return undefined
  const spec = objectOf(template["spec"])
  const containers = listOf(spec["containers"])
  const mounts = containers.flatMap((container) => listOf(container["volumeMounts"]))
  const path = String(mounts.find(({ name }) => name === volumeName)?.["subPath"] ?? "")
  const hasFetcher = containers.some(({ name }) => name === "fetcher")
  // The Environment's Secrets stand before those of the image, and slashes around the path are in the hash alone.
  const secrets = listOf(spec["imagePullSecrets"]).map(({ name }) => String(name))
  const candidates = [path, `/${path}`, `${path}/`, `/${path}/`].flatMap((subPath) =>
    Array.from({ length: secrets.length + 1 }, (_, from) => secrets.slice(from)).map((pullSecrets): PoolImage => ({
      reference,
      subPath,
      pullSecrets,
      hasFetcher
    }))
  )
  return candidates.find((image) => imageHash(image) === hash)
}
