import { chmod, mkdir, writeFile } from "node:fs/promises"
import { dirname, join, posix } from "node:path"
import { ClusterError } from "./cluster.ts"
import { isJson, type Json } from "./json.ts"
import { messageOf } from "./podProcess.ts"
import { type Refusal, refuse } from "./refusal.ts"
import type { MountReference } from "./specializeRequest.ts"

/** How one of the two kinds is read and written. */
export interface MountKind {
  readonly name: "secret" | "configmap"
  /** Where the objects go, as a directory on the host. */
  readonly directory: string
  readonly get: (namespace: string, name: string) => Promise<Json>
}

const mode = 0o750

/**
 * Writes objects as files `<directory>/<sub>/<key>`, read at once and written in order; a file of an earlier call is
 * replaced, one of another object of this call refused (function-pod-protocol.md section 7). Rejects with a `Refusal`.
 */
export const writeMounts = async (kind: MountKind, references: ReadonlyArray<MountReference>): Promise<void> => {
  const directories = references.map((reference) => join(kind.directory, subPath(reference)))
  const objects = await Promise.all(
    references.map(({ name, namespace }) =>
      kind.get(namespace, name).catch((cause: unknown) => Promise.reject(notRead(kind.name, cause)))
    )
  )
  const written = new Set<string>()
  for (const [index, object] of objects.entries()) {
    const directory = directories[index] ?? kind.directory
    for (const [key, content] of filesOf(kind.name, object)) {
      const path = join(directory, key)
      if (written.has(path)) throw refuse("mounts", 500, `${path} is already written by another ${kind.name}`)
      written.add(path)
      await writeFileAt(path, content)
    }
  }
}

/** The directory of an object below its kind's. Throws the fetcher's 400 for a mount path that is not below it. */
const subPath = ({ mountPath, name, namespace }: MountReference): string => {
  if (mountPath === "") return join(namespace, name)
  const cleaned = posix.normalize(mountPath).replace(/\/$/u, "")
  const bad = cleaned.startsWith("/") || cleaned.includes("\\") || /^\.\.?(\/|$)/u.test(cleaned)
  if (bad) throw refuse("mounts", 400, `the mount path "${mountPath}" is not a path below the mount directory`)
  return cleaned
}

/** A Secret's bytes decoded; of a ConfigMap `data` alone; sorted by key. */
const filesOf = (kind: MountKind["name"], object: Json): ReadonlyArray<readonly [string, Buffer]> => {
  const data = isJson(object["data"]) ? Object.entries(object["data"]) : []
  return data
    .flatMap(([key, value]) => (typeof value === "string" ? [[key, value] as const] : []))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => [key, Buffer.from(value, kind === "secret" ? "base64" : "utf8")])
}

const writeFileAt = async (path: string, content: Buffer): Promise<void> => {
  try {
    await mkdir(dirname(path), { recursive: true, mode })
    await writeFile(path, content)
    await chmod(path, mode)
  } catch (cause) {
    throw refuse("mounts", 500, messageOf(cause))
  }
}

const notRead = (kind: MountKind["name"], cause: unknown): Refusal =>
  cause instanceof ClusterError && cause.kind === "NotFound"
    ? refuse("mounts", 404, `${kind} was not found in kubeapi: ${cause.message}`)
    : refuse("mounts", 500, `error getting ${kind} from kubeapi: ${messageOf(cause)}`)
