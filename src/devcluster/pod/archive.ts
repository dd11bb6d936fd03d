import { createHash, randomUUID } from "node:crypto"
import { chmod, mkdir, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join, normalize, sep } from "node:path"
import { isZip, readZip, type ZipEntry } from "../Zip.ts"
import { at, type Json, textAt } from "./json.ts"
import { exchange, messageOf } from "./podProcess.ts"
import { refuse } from "./refusal.ts"

/** Headers that authorize a download, for the path and query of its URL. */
export type SignDownload = (url: URL) => { readonly [name: string]: string }

/**
 * Where a file of this name lies in a directory. Throws the fetcher's 400 for a name that leads out of it or nowhere.
 */
export const storePath = (directory: string, filename: string): string => {
  const path = join(directory, filename)
  if (filename !== "" && path.startsWith(join(directory, sep))) return path
  throw refuse("archive", 400, `the file name "${filename}" is not below the shared directory`)
}

/** Whether something is stored there already, which counts as fetched (P01). */
export const isStored = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false
  )

/** The bytes of a Package's archive, literal or downloaded. Throws the refusals of section 5, step 3. */
export const archiveBytes = async (archive: unknown, sign: SignDownload, signal: AbortSignal): Promise<Buffer> => {
  if (textAt(archive, "oci", "image") !== "") {
    throw refuse("archive", 500, "OCI images are not supported by the embedded cluster")
  }
  const literal = textAt(archive, "literal")
  if (literal !== "") return Buffer.from(literal, "base64")
  const bytes = await download(textAt(archive, "url"), sign, signal)
  checkSum(bytes, textAt(archive, "checksum", "type"), textAt(archive, "checksum", "sum"))
  return bytes
}

/** The body behind a URL; the caller's leaving aborts it. Throws the fetcher's 400 for anything but a 2xx answer. */
export const download = async (url: string, sign: SignDownload, signal: AbortSignal): Promise<Buffer> => {
  const failed = (detail: string) => refuse("archive", 400, `failed to download url ${url}: ${detail}`)
  if (!URL.canParse(url)) throw failed("it is no URL")
  const parsed = new URL(url)
  const answer = await exchange(parsed, { method: "GET", headers: sign(parsed), signal }).catch((cause: unknown) => {
    throw failed(messageOf(cause))
  })
  if (answer.status < 200 || answer.status > 299) throw failed(`HTTP ${answer.status}`)
  return answer.body
}

const checkSum = (bytes: Buffer, type: string, sum: string): void => {
  if (sum === "") return
  if (type !== "sha256") throw refuse("archive", 400, `the checksum type "${type}" is not supported`)
  const actual = createHash("sha256").update(bytes).digest("hex")
  if (actual !== sum) throw refuse("archive", 400, `failed to verify checksum: expected ${sum}, got ${actual}`)
}

/** Puts an archive in its place: a directory for a zip unless it is to be kept, else a file (section 5, steps 4 and 5). */
export const store = async (bytes: Buffer, path: string, keepArchive: boolean): Promise<void> => {
  try {
    if (isZip(bytes) && !keepArchive) await storeDirectory(readZip(bytes), path)
    else await storeFile(bytes, path)
  } catch (cause) {
    throw refuse("archive", 500, messageOf(cause))
  }
}

/** Readable by a runtime of another user, unlike upstream's 0600 (P08). */
const fileMode = 0o644

const storeFile = async (bytes: Buffer, path: string): Promise<void> => {
  const temporary = `${path}.tmp`
  await writeFile(temporary, bytes)
  await chmod(temporary, fileMode)
  await rename(temporary, path)
}

const storeDirectory = async (entries: ReadonlyArray<ZipEntry>, path: string): Promise<void> => {
  const temporary = join(dirname(path), randomUUID())
  try {
    await mkdir(temporary, { mode: 0o755 })
    for (const entry of entries) await unpack(entry, temporary)
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true })
    throw cause
  }
}

const fileTypeBits = 0o170000
const symbolicLink = 0o120000

const unpack = async ({ content, mode, name }: ZipEntry, directory: string): Promise<void> => {
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

/** The archive of a Package that a fetch type names. Throws the refusals of section 5, step 3. */
export const archiveOf = (pkg: Json, fetchType: number): unknown => {
  if (fetchType === 0) return at(pkg, "spec", "source")
  const status = textAt(pkg, "status", "buildstatus")
  if (status === "succeeded" || status === "none") return at(pkg, "spec", "deployment")
  throw refuse("archive", 500, `package build status is "${status}", its deployment archive is not ready`)
}
