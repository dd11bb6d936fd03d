import { Data, Effect } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import type { FissionFunction } from "../../fission/Function.ts"
import { referencedObjects, versionSum } from "../../fission/ReferencedObjects.ts"
import { ConfigMaps, type Described, type ResourceKind, Secrets } from "../../fission/ResourceKind.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import type { CallOptions, KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../../kubernetes/RetryPolicy.ts"
import type { StoreReader } from "../../kubernetes/Store.ts"

/** A Function refers to something that does not exist; it stays so until somebody makes it, or edits the Function. */
export class ReferenceMissing extends Data.TaggedError("ReferenceMissing")<{ readonly message: string }> {}

/** What the Secrets and ConfigMaps are at to which a Function refers. */
export interface ReferencedVersions {
  readonly sum: bigint
  /** Those that do not exist, as `secret db-creds`. */
  readonly missing: ReadonlyArray<string>
}

/**
 * Looks the versions up in the view, and live where it lacks one; what fails there is unknown, and fails
 * (newdeploy-and-container.md section 11). Starts the watches of both kinds at the first reference.
 */
export const referencedVersions = (
  api: KubernetesApi["Service"],
  view: NamespaceView,
  fn: FissionFunction,
  options?: CallOptions
): Effect.Effect<ReferencedVersions, KubernetesError> =>
  Effect.gen(function* () {
    const { configMaps, secrets } = referencedObjects(fn)
    if (configMaps.length + secrets.length === 0) return { sum: 0n, missing: [] }
    view.wantReferences()

    const versionOf = (kind: ResourceKind, store: StoreReader<Described>, name: string) => {
      const known = store.get(view.namespace, name)
      if (known !== undefined) return Effect.succeed(known.metadata.resourceVersion ?? "")
      return api.get(kind, { namespace: view.namespace, name }, options).pipe(
        RetryPolicy.retry(RetryPolicy.critical),
        Effect.map(({ metadata }) => metadata.resourceVersion ?? ""),
        Effect.catchTag("KubernetesNotFound", () => Effect.succeed(undefined))
      )
    }
    const versionsOf = (kind: ResourceKind, store: StoreReader<Described>, names: ReadonlyArray<string>) =>
      Effect.forEach(names, (name) =>
        Effect.map(versionOf(kind, store, name), (version) => ({ name: `${kind.kind.toLowerCase()} ${name}`, version }))
      )
    const found = [
      ...(yield* versionsOf(ConfigMaps, view.configMaps, configMaps)),
      ...(yield* versionsOf(Secrets, view.secrets, secrets))
    ]
    return {
      sum: versionSum(found.map(({ version }) => version)),
      missing: found.filter(({ version }) => version === undefined).map(({ name }) => name)
    }
  })
