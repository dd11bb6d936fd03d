import { hash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { gunzipSync, zstdDecompressSync } from "node:zlib"
import type { ArchiveEntry } from "./ArchiveFiles.ts"
import { isJson, type Json, listAt, textAt } from "./pod/json.ts"
import { readTar } from "./Tar.ts"

/*
 * Images of an OCI image layout on disk (https://github.com/opencontainers/image-spec/blob/main/image-layout.md), which is
 * what the embedded cluster has in place of registries. Plain Node, for the fetcher in a pod reads it too.
 */

/** Most bytes that an image may unpack to (function-pod-protocol.md section 6.3). */
const sizeLimit = 2 * 1024 ** 3

/** Names of platforms in images that Node has other ones for. */
const architectures: { readonly [architecture: string]: string } = { x64: "amd64", ia32: "386" }

/**
 * The files of an image, its layers laid over one another, or those below a path of it. Every blob is checked against its
 * digest. Rejects with an `Error` that says what is missing or wrong; links and devices are refused.
 *
 * @param layout undefined: the cluster has none
 * @param reference name as the layout's index has it, with a tag or a digest
 */
export const readImage = async (
  layout: string | undefined,
  reference: string,
  subPath: string
): Promise<ReadonlyArray<ArchiveEntry>> => {
  if (layout === undefined) {
    throw new Error(`cannot pull ${reference}: the embedded cluster was given no images (an OCI image layout)`)
  }
  const manifest = await manifestOf(layout, reference)
  const files = new Map<string, ArchiveEntry>()
  for (const layer of listAt(manifest, "layers")) lay(readTar(unpacked(layer, await blobOf(layout, layer))), files)
  return below(subPath, [...files.values()])
}

/** The manifest that a reference leads to, through the index of its platforms where there is one. */
const manifestOf = async (layout: string, reference: string): Promise<Json> => {
  const index = parsed(await readFile(join(layout, "index.json")).catch(() => missing(layout)))
  const [name = "", digest = ""] = reference.split("@")
  const known = listAt(index, "manifests").find((descriptor) =>
    digest === ""
      ? namesOf(descriptor).some((one) => one === name || one === `${name}:latest`)
      : textAt(descriptor, "digest") === digest
  )
  const descriptor = known ?? (digest === "" ? undefined : { digest })
  if (descriptor === undefined) throw new Error(`the image layout ${layout} has no image ${reference}`)
  const document = parsed(await blobOf(layout, descriptor))
  const platforms = listAt(document, "manifests")
  if (platforms.length === 0) return document
  const own = platforms.find(isOwnPlatform)
  if (own === undefined) throw new Error(`the image ${reference} is not made for ${architecture()}`)
  return parsed(await blobOf(layout, own))
}

const missing = (layout: string): never => {
  throw new Error(`${layout} is no OCI image layout: it has no index.json`)
}

const namesOf = (descriptor: unknown): ReadonlyArray<string> =>
  ["org.opencontainers.image.ref.name", "io.containerd.image.name"].map((key) => textAt(descriptor, "annotations", key))

const architecture = (): string => architectures[process.arch] ?? process.arch

const isOwnPlatform = (descriptor: unknown): boolean => {
  const [os, arch] = [textAt(descriptor, "platform", "os"), textAt(descriptor, "platform", "architecture")]
  return (os === "" || os === "linux") && (arch === "" || arch === architecture())
}

/** The bytes that a descriptor names. */
const blobOf = async (layout: string, descriptor: unknown): Promise<Buffer> => {
  const digest = textAt(descriptor, "digest")
  const [, hex] = /^sha256:([a-f0-9]{64})$/u.exec(digest) ?? []
  if (hex === undefined) throw new Error(`the digest "${digest}" is no SHA-256`)
  const bytes = await readFile(join(layout, "blobs", "sha256", hex)).catch(() => {
    throw new Error(`the image layout ${layout} has no blob ${digest}`)
  })
  if (hash("sha256", bytes, "hex") !== hex) throw new Error(`the blob ${digest} has another digest: it is damaged`)
  return bytes
}

const parsed = (bytes: Buffer): Json => {
  const value: unknown = JSON.parse(bytes.toString("utf8"))
  if (isJson(value)) return value
  throw new Error("the image layout holds a document that is no JSON object")
}

/** The tar archive of a layer. */
const unpacked = (layer: unknown, bytes: Buffer): Buffer => {
  const type = textAt(layer, "mediaType")
  if (/\btar[.+]gzip$/u.test(type)) return gunzipSync(bytes, { maxOutputLength: sizeLimit })
  if (/\btar[.+]zstd$/u.test(type)) return zstdDecompressSync(bytes, { maxOutputLength: sizeLimit })
  if (/\btar$/u.test(type)) return bytes
  throw new Error(`a layer of the type "${type}" is no archive of files`)
}

/** Lays a layer over what is there: its files replace others of their name, its whiteouts take them away. */
const lay = (layer: ReadonlyArray<ArchiveEntry>, files: Map<string, ArchiveEntry>): void => {
  const named = layer.map((entry) => ({ ...entry, name: entry.name.replace(/^(\.\/)+/u, "") }))
  for (const { name } of named) {
    const [, folder = "", hidden] = /^(.*\/)?\.wh\.([^/]+)$/u.exec(name) ?? []
    if (hidden === undefined) continue
    const isGone = (other: string) =>
      hidden === ".wh..opq"
        ? other.startsWith(folder) && other !== folder
        : other === `${folder}${hidden}` || other.startsWith(`${folder}${hidden}/`)
    for (const other of files.keys()) if (isGone(other)) files.delete(other)
  }
  for (const entry of named) {
    if (entry.name !== "" && !/(^|\/)\.wh\.[^/]+$/u.test(entry.name)) files.set(entry.name, entry)
  }
  const size = [...files.values()].reduce((sum, { content }) => sum + content.length, 0)
  if (size > sizeLimit) throw new Error(`the image has more than ${sizeLimit} bytes`)
}

/** The entries below a path, named from there. */
const below = (subPath: string, entries: ReadonlyArray<ArchiveEntry>): ReadonlyArray<ArchiveEntry> => {
  const path = subPath.replace(/^\/+|\/+$/gu, "")
  if (path === "") return entries
  const found = entries.flatMap((entry) => {
    const name = entry.name.slice(path.length + 1)
    return entry.name.startsWith(`${path}/`) ? [{ ...entry, name }] : []
  })
  if (found.length === 0) throw new Error(`the image has no directory ${path}`)
  return found.filter(({ name }) => name !== "")
}
