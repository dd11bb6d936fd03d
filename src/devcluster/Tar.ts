import type { ArchiveEntry } from "./ArchiveFiles.ts"

const blockSize = 512

/** Kinds of entries that hold something; those of links and devices are refused. */
const kinds = { file: new Set(["0", "\0", "7"]), directory: "5", longName: "L", extended: "x", global: "g" }

/**
 * The files and directories of a tar archive in its order, checked against their sums: POSIX with its extended headers, and
 * GNU's long names. Throws an `Error` that says what is wrong with it, also for links and devices.
 */
export const readTar = (archive: Buffer): ReadonlyArray<ArchiveEntry> => {
  const entries: Array<ArchiveEntry> = []
  let longName: string | undefined
  let size: number | undefined
  for (let at = 0; at + blockSize <= archive.length;) {
    const header = archive.subarray(at, at + blockSize)
    if (header.every((byte) => byte === 0)) break
    checkSum(header)
    const kind = String.fromCharCode(header[156] ?? 0)
    const isMeta = [kinds.longName, kinds.extended, kinds.global].includes(kind)
    const length = (isMeta ? undefined : size) ?? numberAt(header, 124, 12)
    const content = archive.subarray(at + blockSize, at + blockSize + length)
    if (content.length < length) throw new Error("the tar archive is cut short")
    at += blockSize + Math.ceil(length / blockSize) * blockSize
    if (kind === kinds.longName) longName = textAt(content, 0, content.length)
    if (kind === kinds.extended) {
      const records = extendedRecords(content)
      longName = records.get("path") ?? longName
      size = records.has("size") ? Number(records.get("size")) : undefined
    }
    if (isMeta) continue
    const name = longName ?? nameOf(header)
    longName = size = undefined
    if (kind === kinds.directory)
      entries.push({ name: `${name.replace(/\/+$/u, "")}/`, mode: 0, content: Buffer.alloc(0) })
    else if (kinds.file.has(kind)) entries.push({ name, mode: numberAt(header, 100, 8) & 0o777, content })
    else throw new Error(`${name} is a link or a device (tar type ${JSON.stringify(kind)})`)
  }
  return entries
}

const textAt = (bytes: Buffer, from: number, length: number): string => {
  const field = bytes.subarray(from, from + length)
  const end = field.indexOf(0)
  return field.subarray(0, end < 0 ? length : end).toString("utf8")
}

/** Octal digits, or, from a first byte of 128 on, a binary number. */
const numberAt = (header: Buffer, from: number, length: number): number => {
  if (((header[from] ?? 0) & 0x80) !== 0) return header.readUIntBE(from + length - 6, 6)
  const text = textAt(header, from, length).trim()
  return text === "" ? 0 : Number.parseInt(text, 8)
}

const nameOf = (header: Buffer): string => {
  const prefix = textAt(header, 257, 5) === "ustar" ? textAt(header, 345, 155) : ""
  const name = textAt(header, 0, 100)
  return prefix === "" || textAt(header, 257, 8) === "ustar  " ? name : `${prefix}/${name}`
}

/** The sum of a header's bytes, its own eight taken for spaces. */
const checkSum = (header: Buffer): void => {
  const sum = header.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 32 : byte), 0)
  if (sum !== numberAt(header, 148, 8)) throw new Error("the tar archive is damaged")
}

/** Records of the form `<length> <key>=<value>` and a line feed, the length counting all of it in bytes. */
const extendedRecords = (content: Buffer): ReadonlyMap<string, string> => {
  const records = new Map<string, string>()
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(32, at)
    const length = Number(content.subarray(at, space).toString("utf8"))
    if (space < 0 || !Number.isInteger(length) || length <= 0) throw new Error("the tar archive is damaged")
    const record = content.subarray(space + 1, at + length - 1).toString("utf8")
    records.set(record.slice(0, record.indexOf("=")), record.slice(record.indexOf("=") + 1))
    at += length
  }
  return records
}
