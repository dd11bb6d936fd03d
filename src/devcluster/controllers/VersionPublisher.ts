import { hash } from "node:crypto"
import { Effect, Layer, Result, Schema } from "effect"
import { ObjectMeta, optional } from "../../fission/ObjectMeta.ts"
import { apiVersionOf, Functions, FunctionVersions, Packages } from "../../fission/ResourceKind.ts"
import { isDeleting } from "../../fission/Workloads.ts"
import { KubernetesApi, KubernetesDeletion } from "../../kubernetes/KubernetesApi.ts"
import * as Informer from "../Informer.ts"
import { referenceOf } from "../Kinds.ts"
import { type PublishedVersion, PublishedVersions, type WeightedAlias, WeightedAliases } from "../PublishedVersions.ts"
import { rawKind } from "../RawKind.ts"
import { timestamp } from "../Timestamp.ts"
import * as WorkQueue from "../WorkQueue.ts"
import { writeStatus } from "./StatusWrite.ts"

const anyField = [Schema.Record(Schema.String, Schema.Unknown)] as const
const open = <Fields extends Schema.Struct.Fields>(fields: Fields) =>
  Schema.StructWithRest(Schema.Struct(fields), anyField)

/** A Function of which versions are published. */
const VersionedFunction = open({
  metadata: ObjectMeta,
  spec: open({
    package: open({ packageref: open({ name: Schema.String, namespace: optional(Schema.String) }) }),
    versioning: Schema.Struct({ mode: optional(Schema.String), retain: optional(Schema.Int) })
  })
})
type VersionedFunction = typeof VersionedFunction.Type
const decodeFunction = Schema.decodeUnknownResult(VersionedFunction)

const decodePackage = Schema.decodeUnknownResult(
  open({
    spec: open({ deployment: optional(Schema.Unknown) }),
    status: optional(open({ buildstatus: optional(Schema.String) }))
  })
)

/** Versions that are kept besides those that aliases lead to, where a Function does not say how many. */
const retainedByDefault = 10

/**
 * What Fission's builder manager does about versions (resources.md section 6), as far as one needs it to try them: each
 * generation of a Function with `spec.versioning` is published as `<name>-v<n>` once its Package is built, with a copy of
 * that Package; the oldest ones go that are too many and that no alias leads to; aliases say which version they lead to.
 */
export const VersionPublisherLayer: Layer.Layer<never, never, KubernetesApi | KubernetesDeletion> = Layer.effectDiscard(
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const deletion = yield* KubernetesDeletion
    const functions = yield* Informer.make({ kind: rawKind(Functions) })
    const versions = yield* Informer.make({ kind: PublishedVersions, indexes: { functionUid } })
    const aliases = yield* Informer.make({ kind: WeightedAliases })
    const synced = Effect.all([functions.synced, versions.synced, aliases.synced], { discard: true })

    /** The Package of a version, which never changes. Repeatable. */
    const copyPackage = (namespace: string, name: string, spec: { readonly [field: string]: unknown }) =>
      api.create(rawKind(Packages), { metadata: { namespace, name }, spec }).pipe(
        Effect.catchTag("KubernetesAlreadyExists", () => Effect.void),
        Effect.andThen(
          api.patch(
            rawKind(Packages),
            { namespace, name },
            { type: "merge", subresource: "status", body: { status: { buildstatus: "none" } } }
          )
        )
      )

    const publish = Effect.fnUntraced(function* (fn: VersionedFunction, published: ReadonlyArray<PublishedVersion>) {
      const { generation, name: functionName, namespace, uid: functionUID } = fn.metadata
      const { versioning: _, ...spec } = fn.spec
      const reference = spec.package.packageref
      const space = namespace ?? ""
      const live = yield* api.get(rawKind(Packages), { namespace: reference.namespace || space, name: reference.name })
      const pkg = Result.getOrUndefined(decodePackage(live))
      if (pkg === undefined || !["none", "succeeded"].includes(pkg.status?.buildstatus ?? "")) {
        return yield* new WorkQueue.NotYet()
      }
      const sequence = 1 + Math.max(0, ...published.map(sequenceOf))
      const name = `${functionName}-v${sequence}`
      yield* copyPackage(space, name, pkg.spec)
      const written = yield* api.create(rawKind(FunctionVersions), {
        metadata: {
          namespace: space,
          name,
          labels: { "fission.io/function-name": functionName, "fission.io/function-uid": functionUID ?? "" },
          ownerReferences: [
            { apiVersion: apiVersionOf(Functions), kind: Functions.kind, name: functionName, uid: functionUID ?? "" }
          ]
        },
        spec: {
          functionName,
          functionUID,
          functionGeneration: generation,
          sequence,
          snapshot: { ...spec, package: { ...spec.package, packageref: { namespace: space, name } } },
          packageDigest: `sha256:${hash("sha256", JSON.stringify(pkg.spec.deployment ?? null), "hex")}`,
          publishedAt: yield* timestamp
        }
      })
      yield* versions.untilAsNewAs(written)
      yield* Effect.logInfo("version published").pipe(Effect.annotateLogs({ namespace: space, version: name }))
    })

    const aliasesOf = (namespace: string) => [...aliases.store.values(namespace)]

    const collect = Effect.fnUntraced(function* (
      { metadata, spec }: VersionedFunction,
      published: ReadonlyArray<PublishedVersion>
    ) {
      const retained = new Set(aliasesOf(metadata.namespace ?? "").flatMap(namesIn))
      const oldestFirst = [...published].sort((a, b) => sequenceOf(a) - sequenceOf(b))
      const tooMany = oldestFirst.slice(
        0,
        Math.max(0, published.length - (spec.versioning.retain ?? retainedByDefault))
      )
      for (const version of tooMany.filter((candidate) => !retained.has(candidate.metadata.name))) {
        const reference = referenceOf(version.metadata)
        yield* deletion.delete(FunctionVersions, reference, { uid: version.metadata.uid ?? "" })
        const pkg = yield* api.get(Packages, reference)
        yield* deletion.delete(Packages, reference, { uid: pkg.metadata.uid ?? "" })
      }
    })

    const reconcile = Effect.fnUntraced(function* (namespace: string, name: string) {
      const fn = Result.getOrUndefined(decodeFunction(functions.store.get(namespace, name)))
      if (fn === undefined || isDeleting(fn.metadata) || fn.spec.versioning.mode === "manual") return
      const { generation, uid } = fn.metadata
      const published = versions.store.indexed("functionUid", uid ?? "")
      if (published.every(({ spec }) => spec.functionGeneration !== generation)) yield* publish(fn, published)
      yield* collect(fn, versions.store.indexed("functionUid", uid ?? ""))
    })

    const resolve = Effect.fnUntraced(function* (namespace: string, name: string) {
      const alias = aliases.store.get(namespace, name)
      if (alias === undefined) return
      const resolvedVersion = targetOf(alias, [...versions.store.values(namespace)])?.metadata.name
      if (resolvedVersion !== undefined) yield* writeStatus(api, WeightedAliases, alias, { resolvedVersion })
    })

    const addFunction = yield* WorkQueue.make("version publisher", synced, reconcile)
    const addAlias = yield* WorkQueue.make("alias resolver", synced, resolve)
    functions.subscribe(({ object: { metadata } }) => addFunction(metadata.namespace ?? "", metadata.name))
    versions.subscribe(({ object: { metadata } }) => {
      const namespace = metadata.namespace ?? ""
      for (const alias of aliasesOf(namespace)) addAlias(namespace, alias.metadata.name)
    })
    aliases.subscribe(({ object: { metadata, spec } }) => {
      addAlias(metadata.namespace ?? "", metadata.name)
      addFunction(metadata.namespace ?? "", spec.functionName)
    })
  })
)

const functionUid = ({ spec }: PublishedVersion): ReadonlyArray<string> => [spec.functionUID]

const sequenceOf = ({ spec }: PublishedVersion): number => spec.sequence ?? 0

const namesIn = ({ spec, status }: WeightedAlias): ReadonlyArray<string> =>
  [spec.version, spec.secondaryVersion, status?.resolvedVersion].flatMap((name) => name ?? [])

/** The version that an alias names, or the newest one of its function with that digest. */
const targetOf = ({ spec }: WeightedAlias, published: ReadonlyArray<PublishedVersion>): PublishedVersion | undefined =>
  published
    .filter((version) => version.spec.functionName === spec.functionName)
    .filter(({ metadata, spec: { packageDigest } }) =>
      spec.version ? metadata.name === spec.version : packageDigest === spec.packageDigest
    )
    .toSorted((a, b) => sequenceOf(b) - sequenceOf(a))[0]
