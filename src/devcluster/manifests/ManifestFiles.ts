import { readdir, readFile, stat } from "node:fs/promises"
import { dirname, extname, join } from "node:path"
import { Effect, Result, Schema } from "effect"
import { parseAllDocuments } from "yaml"
import { apiVersionOf } from "../../fission/ResourceKind.ts"
import { RawObject } from "../RawKind.ts"
import { type ServedKind, servedKinds } from "../ServedKinds.ts"

/** An object as a file describes it: of its metadata what people write, with the namespace filled in. */
export interface Manifest {
  readonly file: string
  readonly kind: ServedKind
  readonly object: RawObject
}

/** An `ArchiveUploadSpec` of Fission's spec format: files that become the archive of a Package. */
export interface ArchiveUpload {
  readonly file: string
  readonly name: string
  /** Where `include` begins: the folder of the manifest. */
  readonly folder: string
  /** Paths and globs. */
  readonly include: ReadonlyArray<string>
}

/** Why something in a file was not applied. */
export interface ManifestProblem {
  readonly file: string
  readonly problem: string
  /** Whether the same file may be applied later without a change. */
  readonly mayPassLater: boolean
}

/** What a file or folder holds. */
export interface ManifestSet {
  readonly manifests: ReadonlyArray<Manifest>
  readonly archives: ReadonlyArray<ArchiveUpload>
  readonly problems: ReadonlyArray<ManifestProblem>
}

const ArchiveUploadSpec = Schema.Struct({ name: Schema.NonEmptyString, include: Schema.Array(Schema.String) })
const List = Schema.Struct({ items: Schema.Array(Schema.Unknown) })
const Named = Schema.Struct({
  apiVersion: Schema.NonEmptyString,
  kind: Schema.NonEmptyString,
  metadata: Schema.Struct({ name: Schema.NonEmptyString })
})

const decodeArchive = Schema.decodeUnknownResult(ArchiveUploadSpec)
const decodeList = Schema.decodeUnknownResult(List)
const decodeNamed = Schema.decodeUnknownResult(Named)
const decodeObject = Schema.decodeUnknownResult(RawObject)

const nothing: ManifestSet = { manifests: [], archives: [], problems: [] }

/** Reads a file, or the YAML and JSON files of a folder in the order of their names. What cannot be read is a problem. */
export const read = (path: string): Effect.Effect<ManifestSet> =>
  filesOf(path).pipe(
    Effect.flatMap((files) => Effect.forEach(files, readOne)),
    Effect.map(joined),
    Effect.catch(asProblem)
  )

const readOne = (file: string): Effect.Effect<ManifestSet> =>
  reading(file, () => readFile(file, "utf8")).pipe(
    Effect.map((text) => parse(file, text)),
    Effect.catch(asProblem)
  )

const asProblem = (problem: ManifestProblem): Effect.Effect<ManifestSet> =>
  Effect.succeed({ ...nothing, problems: [problem] })

const joined = (sets: ReadonlyArray<ManifestSet>): ManifestSet => ({
  manifests: sets.flatMap(({ manifests }) => manifests),
  archives: sets.flatMap(({ archives }) => archives),
  problems: sets.flatMap(({ problems }) => problems)
})

/** A file that changes while it is read, or is not there yet, may be read later. */
const reading = <A>(file: string, read: () => Promise<A>): Effect.Effect<A, ManifestProblem> =>
  Effect.tryPromise({
    try: read,
    catch: (cause) => ({
      file,
      problem: cause instanceof Error ? cause.message : String(cause),
      mayPassLater: true
    })
  })

const filesOf = (path: string) =>
  reading(path, async () => {
    if ((await stat(path)).isFile()) return [path]
    const names = await readdir(path)
    return names
      .filter((name) => [".yaml", ".yml", ".json"].includes(extname(name)))
      .sort()
      .map((name) => join(path, name))
  })

/** The objects of one file; a document that is none is a problem of its own, the others count. Pure. */
const parse = (file: string, text: string): ManifestSet =>
  joined(
    [...parseAllDocuments(text)].map((document) => {
      const [error] = document.errors
      if (error !== undefined) return problem(file, error.message.split("\n")[0] ?? "no YAML")
      const value: unknown = document.toJS()
      return value === null ? nothing : classify(file, value)
    })
  )

const problem = (file: string, text: string): ManifestSet => ({
  ...nothing,
  problems: [{ file, problem: text, mayPassLater: false }]
})

const classify = (file: string, value: unknown): ManifestSet => {
  const kind = typeof value === "object" && value !== null && "kind" in value ? value.kind : undefined
  if (kind === undefined && extname(file) === ".json") return nothing
  switch (kind) {
    case "DeploymentConfig":
      return nothing
    case "ArchiveUploadSpec": {
      const archive = decodeArchive(value)
      return Result.isSuccess(archive)
        ? { ...nothing, archives: [{ file, folder: dirname(file), ...archive.success }] }
        : problem(file, `ArchiveUploadSpec: ${oneLine(archive.failure.message)}`)
    }
    case "List": {
      const list = decodeList(value)
      return Result.isSuccess(list)
        ? joined(list.success.items.map((item) => classify(file, item)))
        : problem(file, `List: ${oneLine(list.failure.message)}`)
    }
  }
  return manifestOf(file, value)
}

const manifestOf = (file: string, value: unknown): ManifestSet => {
  const named = Result.flatMap(decodeNamed(value), () => decodeObject(value))
  if (Result.isFailure(named)) return problem(file, oneLine(named.failure.message))
  const object = named.success
  const kind = servedKinds.find((one) => one.kind === object["kind"] && apiVersionOf(one) === object["apiVersion"])
  if (kind === undefined) return problem(file, `nobody serves ${object["apiVersion"]} ${object["kind"]}`)
  const { annotations, labels, name, namespace } = object.metadata
  const metadata = {
    name,
    ...(kind.namespaced ? { namespace: namespace ?? "default" } : {}),
    ...(labels ? { labels } : {}),
    ...(annotations ? { annotations } : {})
  }
  return { ...nothing, manifests: [{ file, kind, object: { ...object, metadata } }] }
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/gu, " ")
