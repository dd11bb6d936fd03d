import { isDeepStrictEqual } from "node:util"
import { annotations } from "../../fission/Labels.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import { type Json, objectOf } from "../../podspec/Json.ts"
import { templateOf } from "../DeploymentUpdate.ts"

/** Whether pods of both templates are alike; annotations of kubectl, as of a restart, do not count (W09). */
const areAlike = (left: Json, right: Json): boolean => isDeepStrictEqual(withoutKubectl(left), withoutKubectl(right))

const withoutKubectl = (template: Json): Json => {
  const metadata = objectOf(template["metadata"])
  const held = Object.entries(objectOf(metadata["annotations"]))
  const kept = held.filter(([name]) => !name.startsWith("kubectl.kubernetes.io/"))
  return { ...template, metadata: { ...metadata, annotations: Object.fromEntries(kept) } }
}

/** A template, and what tells who made it for which state of the Environment: another executor may have. */
interface KnownTemplate {
  readonly writer: string
  readonly template: Json
}

/** Of a Deployment, what tells who wrote it. */
type Written = Pick<KubernetesObject["metadata"], "uid" | "annotations">

/** The template of a Deployment that was written like this. */
const knownTemplate = ({ annotations: held, uid }: Written, template: Json): KnownTemplate => ({
  writer: `${uid ?? ""}/${held?.[annotations.runtimeFingerprint] ?? ""}`,
  template
})

/** Each pool's template as first seen or last written here, by key of the pool: any other is an edit (W20). */
export interface PoolTemplates {
  /** The pool has this template now, by our own doing. */
  readonly remember: (key: string, written: KubernetesObject) => void
  /** The template before somebody edited it, or undefined while nobody did. */
  readonly editedFrom: (key: string, metadata: Written, template: Json) => Json | undefined
  readonly forget: (key: string) => void
}

/** Knows no template. */
export const makePoolTemplates = (): PoolTemplates => {
  const templates = new Map<string, KnownTemplate>()
  return {
    remember: (key, written) => void templates.set(key, knownTemplate(written.metadata, templateOf(written))),
    editedFrom: (key, metadata, template) => {
      const shown = knownTemplate(metadata, template)
      const known = templates.get(key)
      if (known?.writer === shown.writer) return areAlike(known.template, template) ? undefined : known.template
      templates.set(key, shown)
      return undefined
    },
    forget: (key) => void templates.delete(key)
  }
}
