import { canonical, hash16 } from "../fission/Canonical.ts"
import { annotations } from "../fission/Labels.ts"
import { comparableCommand } from "./FetcherContainer.ts"
import { type Json, listOf, objectOf } from "./Json.ts"
import type { DesiredDeployment } from "./PoolDeployment.ts"
import { isOfStock } from "./StockTemplate.ts"

/**
 * Sixteen hex digits over everything of a template that a running pod depends on. Labels, annotations of kubectl and the
 * Function's metadata that the fetcher gets are left out: a change of those alone is not worth new pods
 * (newdeploy-and-container.md sections 7 and 12.2).
 */
export const templateHash = (template: Json): string => {
  const held = Object.entries(objectOf(objectOf(template["metadata"])["annotations"]))
  const meant = held.filter(([name]) => !name.startsWith("kubectl.kubernetes.io/"))
  const spec = objectOf(template["spec"])
  const containers = listOf(spec["containers"]).map((container) =>
    container["name"] === "fetcher" ? { ...container, command: comparableCommand(container["command"]) } : container
  )
  return hash16(JSON.stringify(canonical({ annotations: Object.fromEntries(meant), spec: { ...spec, containers } })))
}

/**
 * Whether a Deployment of one function has the template that is wanted: its annotation decides, or the template itself on
 * one that the stock executor made. So nothing rolls when we take over.
 */
export const isTemplateCurrent = (
  desired: DesiredDeployment,
  live: {
    readonly metadata: { readonly annotations?: { readonly [annotation: string]: string } | null | undefined }
    readonly spec: { readonly template?: Json | null | undefined }
  }
): boolean => {
  const hash = live.metadata.annotations?.[annotations.templateHash]
  if (hash !== undefined) return hash === desired.metadata.annotations[annotations.templateHash]
  return isOfStock(withoutLabels(desired.spec.template), withoutLabels(objectOf(live.spec.template)))
}

const withoutLabels = (template: Json): Json => ({
  ...template,
  metadata: { ...objectOf(template["metadata"]), labels: {} }
})
