import { isDeepStrictEqual } from "node:util"
import { annotations } from "../../fission/Labels.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import { type Json, objectOf } from "../../podspec/Json.ts"
import { templateOf } from "../DeploymentUpdate.ts"

/** Each pool's template as first seen or last written here: any other is an edit (W20). */
export interface PoolTemplates {
  /** What was just written for the pool with this key. */
  readonly remember: (pool: string, written: KubernetesObject) => void
  /** The template before somebody edited it, or undefined while nobody did. */
  readonly editedFrom: (pool: string, metadata: Written, template: Json) => Json | undefined
  /** Forgets a pool that is gone. */
  readonly forget: (pool: string) => void
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
  /** By key of the pool. */
  const templates = new Map<string, KnownTemplate>()
  return {
    remember: (pool, written) => void templates.set(pool, knownTemplate(written.metadata, templateOf(written))),
    editedFrom: (pool, metadata, template) => {
      const shown = knownTemplate(metadata, template)
      const known = templates.get(pool)
      if (known?.writer === shown.writer) return areAlike(known.template, template) ? undefined : known.template
      templates.set(pool, shown)
      return undefined
    },
    forget: (pool) => void templates.delete(pool)
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
