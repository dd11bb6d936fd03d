import { mkdir, rm, symlink, writeFile } from "node:fs/promises"
import { dirname, join, normalize } from "node:path"
import { Data, Effect } from "effect"
import { storeDirectory } from "../ArchiveFiles.ts"
import { readImage } from "../ImageLayout.ts"
import { ConfigError, fieldOf, type PodContext, type ReadData } from "./ContainerConfig.ts"
import type { Container, Volume, VolumeSource } from "./PodObject.ts"

/** The image of a volume is not there, or cannot be mounted; the kubelet tries again later. */
export class ImagePullError extends Data.TaggedError("ImagePullError")<{ readonly message: string }> {}

/** Where the content of volumes comes from that is not in the pod's own object. */
export interface VolumeSources {
  readonly read: ReadData
  /** What a projected service account token holds. */
  readonly token: string
  /** The OCI image layout with the images of volumes; undefined where there is none. */
  readonly imageLayout: string | undefined
}

/** A file of a volume. */
interface VolumeFile {
  readonly path: string
  readonly content: string | Buffer
}

/**
 * Makes the volumes of a Pod below its root: `/userfunc` of a container is `<root>/userfunc`. A volume that is mounted
 * at several paths lies at the first; the others are links. Secrets, ConfigMaps and images are written once, not kept up
 * to date. Fails with `ConfigError` when one is missing that is not optional, and with `ImagePullError`.
 */
export const makeVolumes = Effect.fnUntraced(function* (context: PodContext, sources: VolumeSources, root: string) {
  const { containers, volumes } = context.pod.spec
  const mounts = containers.flatMap(({ volumeMounts }) => volumeMounts ?? [])
  for (const volume of volumes ?? []) {
    if (volume.image) {
      const own = mounts.filter(({ name }) => name === volume.name)
      yield* mountImage(volume.image.reference ?? "", own, root, sources.imageLayout)
      continue
    }
    const files = yield* filesOf(context, sources, volume)
    const paths = new Set(
      mounts.filter(({ name }) => name === volume.name).map(({ mountPath }) => join(root, normalize(`/${mountPath}`)))
    )
    const [first, ...others] = paths
    if (first === undefined) continue
    yield* Effect.promise(() => mkdir(first, { recursive: true }))
    for (const { content, path } of files) yield* Effect.promise(() => write(join(first, path), content))
    for (const other of others) yield* Effect.promise(() => link(first, other))
  }
})

/** Puts the files of an image below each path at which a container mounts it. */
const mountImage = Effect.fnUntraced(function* (
  reference: string,
  mounts: NonNullable<Container["volumeMounts"]>,
  root: string,
  layout: string | undefined
) {
  const subPaths = new Map(
    mounts.map(({ mountPath, subPath }) => [join(root, normalize(`/${mountPath}`)), subPath ?? ""])
  )
  for (const [path, subPath] of subPaths) {
    yield* Effect.tryPromise({
      try: async () => {
        const files = await readImage(layout, reference, subPath)
        await rm(path, { recursive: true, force: true })
        await storeDirectory(files, path)
      },
      catch: (cause) => new ImagePullError({ message: cause instanceof Error ? cause.message : String(cause) })
    })
  }
})

const write = async (path: string, content: string | Buffer): Promise<void> => {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
}

const link = async (target: string, path: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true })
  await symlink(target, path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EEXIST") throw cause
  })
}

const filesOf = Effect.fnUntraced(function* (context: PodContext, sources: VolumeSources, volume: Volume) {
  const files: Array<VolumeFile> = []
  for (const source of [volume, ...(volume.projected?.sources ?? [])]) {
    files.push(...(yield* sourceFiles(context, sources, source)))
  }
  return files
})

const sourceFiles = Effect.fnUntraced(function* (
  context: PodContext,
  { read, token }: VolumeSources,
  { configMap, downwardAPI, secret, serviceAccountToken }: VolumeSource
) {
  const files: Array<VolumeFile> = []
  if (secret) files.push(...(yield* dataFiles(read, "secret", secret.secretName ?? secret.name ?? "", secret)))
  if (configMap) files.push(...(yield* dataFiles(read, "configmap", configMap.name ?? "", configMap)))
  for (const { fieldRef, path } of downwardAPI?.items ?? []) {
    files.push({ path, content: yield* fieldOf(context, fieldRef?.fieldPath ?? "") })
  }
  if (serviceAccountToken) files.push({ path: serviceAccountToken.path, content: token })
  return files
})

const dataFiles = Effect.fnUntraced(function* (
  read: ReadData,
  kind: "secret" | "configmap",
  name: string,
  source: Pick<NonNullable<VolumeSource["secret"]>, "items" | "optional">
) {
  const data = yield* read(kind, name)
  if (data === undefined) {
    if (source.optional === true) return []
    return yield* new ConfigError({ message: `${kind} "${name}" not found` })
  }
  const items = source.items ?? [...data.keys()].map((key) => ({ key, path: key }))
  const files: Array<VolumeFile> = []
  for (const { key, path } of items) {
    const content = data.get(key)
    if (content !== undefined) files.push({ path, content })
    else if (source.optional !== true) {
      return yield* new ConfigError({ message: `references non-existent ${kind} key: ${key}` })
    }
  }
  return files
})
