import { createHash } from "node:crypto"
import { chmod, rename, stat, writeFile } from "node:fs/promises"
import { join, sep } from "node:path"
import { fileMode, storeDirectory } from "../ArchiveFiles.ts"
import { readImage } from "../ImageLayout.ts"
import { isZip, readZip } from "../Zip.ts"
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
  const literal = textAt(archive, "literal")
  if (literal !== "") return Buffer.from(literal, "base64")
  const bytes = await download(textAt(archive, "url"), sign, signal)
  checkSum(bytes, textAt(archive, "checksum", "type"), textAt(archive, "checksum", "sum"))
  return bytes
}

/** Whether a Package's archive is in an OCI image, which goes before everything else that it says (section 6.1). */
export const isInImage = (archive: unknown): boolean => textAt(archive, "oci", "image") !== ""

/**
 * Pulls an archive's image out of the layout on disk, for it is all the registry that there is, and puts it in its place
 * (section 6.3). Throws the fetcher's 500.
 */
export const storeImage = async (archive: unknown, layout: string | undefined, path: string): Promise<void> => {
  const [image, digest] = [textAt(archive, "oci", "image"), textAt(archive, "oci", "digest")]
  const reference = digest === "" || image.includes("@") ? image : `${image}@${digest}`
  try {
    await storeDirectory(await readImage(layout, reference, textAt(archive, "oci", "subPath")), path)
  } catch (cause) {
    throw refuse("archive", 500, messageOf(cause))
  }
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

const storeFile = async (bytes: Buffer, path: string): Promise<void> => {
  const temporary = `${path}.tmp`
  await writeFile(temporary, bytes)
  await chmod(temporary, fileMode)
  await rename(temporary, path)
}

/** The archive of a Package that a fetch type names. Throws the refusals of section 5, step 3. */
export const archiveOf = (pkg: Json, fetchType: number): unknown => {
  if (fetchType === 0) return at(pkg, "spec", "source")
  const status = textAt(pkg, "status", "buildstatus")
  if (status === "succeeded" || status === "none") return at(pkg, "spec", "deployment")
  throw refuse("archive", 500, `package build status is "${status}", its deployment archive is not ready`)
}
