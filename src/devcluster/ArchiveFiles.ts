import { randomUUID } from "node:crypto"
import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join, normalize, sep } from "node:path"

/** One file or directory of an archive. */
export interface ArchiveEntry {
  /** With forward slashes; a directory's ends with one. */
  readonly name: string
  /** Permission bits and file type as Unix writes them, 0 where the archive does not say. */
  readonly mode: number
  readonly content: Buffer
}

/** Readable by a runtime of another user, unlike upstream's 0600 (function-pod-protocol.md P08). */
export const fileMode = 0o644

const fileTypeBits = 0o170000
const symbolicLink = 0o120000

/**
 * Makes a directory of an archive's entries, all of it at once: what is at the path is complete. Fails, and leaves nothing,
 * for a link and for a name that leads out of the directory.
 */
export const storeDirectory = async (entries: Iterable<ArchiveEntry>, path: string): Promise<void> => {
  const temporary = join(dirname(path), randomUUID())
  try {
    await mkdir(temporary, { recursive: true, mode: 0o755 })
    for (const entry of entries) await unpack(entry, temporary)
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true })
    throw cause
  }
}

const unpack = async ({ content, mode, name }: ArchiveEntry, directory: string): Promise<void> => {
  const relative = normalize(name)
  if (relative.startsWith("..") || relative.startsWith(sep)) throw new Error(`${name} leads out of the archive`)
  if ((mode & fileTypeBits) === symbolicLink) throw new Error(`${name} is a symbolic link`)
  const target = join(directory, relative)
  if (name.endsWith("/")) {
    await mkdir(target, { recursive: true, mode: 0o755 })
    return
  }
  await mkdir(dirname(target), { recursive: true, mode: 0o755 })
  await writeFile(target, content)
  await chmod(target, mode & 0o777 || fileMode)
}
