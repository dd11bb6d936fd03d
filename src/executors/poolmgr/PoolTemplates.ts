import { isDeepStrictEqual } from "node:util"
import type { Environment } from "../../fission/Environment.ts"
import { annotations } from "../../fission/Labels.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import { type Json, objectOf } from "../../podspec/Json.ts"
import { templateOf } from "../DeploymentUpdate.ts"

/** Each pool's template as first seen or last written here: any other is an edit (W20). */
export interface PoolTemplates {
  /** What was just written for the Environment. */
  readonly remember: (environment: Environment, written: KubernetesObject) => void
  /** The template before somebody edited it, or undefined while nobody did. */
  readonly editedFrom: (environment: Environment, metadata: Written, template: Json) => Json | undefined
  /** Forgets an Environment that is gone. */
  readonly forget: (environmentUid: string) => void
}

/** Of a Deployment, what tells who wrote it. */
type Written = Pick<KubernetesObject["metadata"], "uid" | "annotations">

/** A template, and what tells who made it for which state of the Environment: another executor may have. */
interface KnownTemplate {
  readonly writer: string
  readonly template: Json
}

/** Nothing was seen or written yet. */
export const make = (): PoolTemplates => {
  /** By UID of the Environment. */
  const templates = new Map<string, KnownTemplate>()
  return {
    remember: ({ metadata }, written) =>
      void templates.set(metadata.uid ?? "", knownTemplate(written.metadata, templateOf(written))),
    editedFrom: (environment, metadata, template) => {
      const uid = environment.metadata.uid ?? ""
      const shown = knownTemplate(metadata, template)
      const known = templates.get(uid)
      if (known?.writer === shown.writer) return areAlike(known.template, template) ? undefined : known.template
      templates.set(uid, shown)
      return undefined
    },
    forget: (environmentUid) => void templates.delete(environmentUid)
  }
}

const knownTemplate = ({ annotations: held, uid }: Written, template: Json): KnownTemplate => ({
  writer: `${uid ?? ""}/${held?.[annotations.runtimeFingerprint] ?? ""}`,
  template
})

/** Whether pods of both templates are alike; annotations of kubectl, as of a restart, do not count (W09). */
const areAlike = (left: Json, right: Json): boolean => isDeepStrictEqual(withoutKubectl(left), withoutKubectl(right))

const withoutKubectl = (template: Json): Json => {
  const metadata = objectOf(template["metadata"])
  const held = Object.entries(objectOf(metadata["annotations"]))
  const kept = held.filter(([name]) => !name.startsWith("kubectl.kubernetes.io/"))
  return { ...template, metadata: { ...metadata, annotations: Object.fromEntries(kept) } }
}
