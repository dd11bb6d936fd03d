import { mkdir, symlink, writeFile } from "node:fs/promises"
import { dirname, join, normalize } from "node:path"
import { Effect } from "effect"
import { ConfigError, fieldOf, type PodContext, type ReadData } from "./ContainerConfig.ts"
import type { Volume, VolumeSource } from "./PodObject.ts"

/** A file of a volume. */
interface VolumeFile {
  readonly path: string
  readonly content: string | Buffer
}

/**
 * Makes the volumes of a Pod below its root: `/userfunc` of a container is `<root>/userfunc`. A volume that is mounted
 * at several paths lies at the first; the others are links. Secrets and ConfigMaps are written once, not kept up to
 * date. Fails with `ConfigError` when one is missing that is not optional.
 *
 * @param token what a projected service account token holds
 */
export const makeVolumes = Effect.fnUntraced(function* (
  context: PodContext,
  read: ReadData,
  root: string,
  token: string
) {
  const { containers, volumes } = context.pod.spec
  const mounts = containers.flatMap(({ volumeMounts }) => volumeMounts ?? [])
  for (const volume of volumes ?? []) {
    const files = yield* filesOf(context, read, volume, token)
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

const filesOf = Effect.fnUntraced(function* (context: PodContext, read: ReadData, volume: Volume, token: string) {
  const files: Array<VolumeFile> = []
  for (const source of [volume, ...(volume.projected?.sources ?? [])]) {
    files.push(...(yield* sourceFiles(context, read, source, token)))
  }
  return files
})

const sourceFiles = Effect.fnUntraced(function* (
  context: PodContext,
  read: ReadData,
  { configMap, downwardAPI, secret, serviceAccountToken }: VolumeSource,
  token: string
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
