import { hash } from "node:crypto"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { gzipSync, zstdCompressSync } from "node:zlib"

/** An entry of a tar archive; a name that ends with a slash is a directory. */
export interface TarFile {
  readonly name: string
  readonly content?: string
  readonly mode?: number
  /** The type as tar writes it, where it is neither a file nor a directory. */
  readonly type?: string
}

/** A tar archive of POSIX's form. */
export const tarOf = (files: ReadonlyArray<TarFile>): Buffer =>
  Buffer.concat([
    ...files.flatMap(({ content = "", ...file }) => [headerOf(file, content), padded(content)]),
    Buffer.alloc(1024)
  ])

const headerOf = ({ mode = 0o644, name, type }: TarFile, content: string): Buffer => {
  const header = Buffer.alloc(512)
  const octal = (value: number, at: number, length: number) =>
    header.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1")
  header.write(name, 0)
  octal(mode, 100, 8)
  octal(Buffer.byteLength(content), 124, 12)
  header.write(type ?? (name.endsWith("/") ? "5" : "0"), 156)
  header.write("ustar\x0000", 257, "latin1")
  header.fill(" ", 148, 156)
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7
  )
  return header
}

const padded = (content: string): Buffer => {
  const bytes = Buffer.from(content)
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

/** How a layer is packed, as the end of its media type says. */
export type Packing = "tar" | "tar+gzip" | "tar+zstd"

/** An image: its name in the layout, and its layers from the lowest. */
export interface ImageGiven {
  readonly name: string
  readonly layers: ReadonlyArray<ReadonlyArray<TarFile>>
  readonly packing?: Packing
  /** Platform under which it stands in an index of its own, as `linux/arm64`; absent: it has none. */
  readonly platform?: string
}

const packed: { readonly [packing in Packing]: (tar: Buffer) => Buffer } = {
  tar: (tar) => tar,
  "tar+gzip": (tar) => gzipSync(tar),
  "tar+zstd": (tar) => zstdCompressSync(tar)
}

/** Writes an OCI image layout; gives the digest under which each image is found, in order. */
export const writeLayout = async (
  directory: string,
  images: ReadonlyArray<ImageGiven>
): Promise<ReadonlyArray<string>> => {
  const blobs = join(directory, "blobs", "sha256")
  await mkdir(blobs, { recursive: true })
  const put = async (mediaType: string, bytes: Buffer) => {
    const hex = hash("sha256", bytes, "hex")
    await writeFile(join(blobs, hex), bytes)
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length }
  }
  const putJson = (kind: string, document: object) =>
    put(`application/vnd.oci.image.${kind}.v1+json`, Buffer.from(JSON.stringify(document)))

  const manifests = []
  for (const { layers, name, packing = "tar", platform } of images) {
    const descriptors = []
    for (const layer of layers) {
      descriptors.push(await put(`application/vnd.oci.image.layer.v1.${packing}`, packed[packing](tarOf(layer))))
    }
    const config = await putJson("config", { os: "linux", rootfs: { type: "layers", diff_ids: [] } })
    const manifest = await putJson("manifest", { schemaVersion: 2, config, layers: descriptors })
    const [os, architecture] = (platform ?? "").split("/")
    const found =
      platform === undefined
        ? manifest
        : await putJson("index", { schemaVersion: 2, manifests: [{ ...manifest, platform: { os, architecture } }] })
    manifests.push({ ...found, annotations: { "org.opencontainers.image.ref.name": name } })
  }
  await writeFile(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }))
  await writeFile(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }))
  return manifests.map(({ digest }) => digest)
}
