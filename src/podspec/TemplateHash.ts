import { canonical, hash16 } from "../fission/Canonical.ts"
import { annotations } from "../fission/Labels.ts"
import { comparableCommand } from "./FetcherContainer.ts"
import { type Json, listOf, objectOf } from "./Json.ts"
import type { DesiredDeployment } from "./PoolDeployment.ts"
import { isFilledIn, isOfStock } from "./StockTemplate.ts"

/**
 * Sixteen hex digits over everything of a template that a running pod depends on. Labels, annotations of kubectl and the
 * Function's metadata that the fetcher gets are left out: a change of those alone is not worth new pods
 * (newdeploy-and-container.md sections 7 and 12.2).
 */
export const templateHash = (template: Json): string => hash16(JSON.stringify(canonical(meaningOf(template))))

const meaningOf = (template: Json): Json => {
  const held = Object.entries(objectOf(objectOf(template["metadata"])["annotations"]))
  const meant = held.filter(([name]) => !name.startsWith("kubectl.kubernetes.io/"))
  const spec = objectOf(template["spec"])
  const containers = listOf(spec["containers"]).map((container) =>
    container["name"] === "fetcher"
      ? { ...container, command: comparableCommand(container["command"]) ?? container["command"] }
      : container
  )
  return { annotations: Object.fromEntries(meant), spec: { ...spec, containers } }
}

/** A Deployment of one function as a view or the server shows it. */
export interface LiveTemplate {
  readonly metadata: { readonly annotations?: { readonly [annotation: string]: string } | null | undefined }
  readonly spec: { readonly template?: Json | null | undefined }
}

/**
 * How the template of a Deployment of one function stands to the one that is wanted. Where its annotation says that it was
 * made of another one it is `Outdated`; where it says that it was made of this one and differs all the same, somebody
 * edited it: `Drifted`. One that the stock executor made has no annotation: it is `Current` as long as it is what that one
 * makes of the same Function, so that nothing rolls when we take over.
 */
export const templateState = (desired: DesiredDeployment, live: LiveTemplate): "Current" | "Outdated" | "Drifted" => {
  const hash = live.metadata.annotations?.[annotations.templateHash]
  const template = objectOf(live.spec.template)
  if (hash === undefined) {
    return isOfStock(withoutLabels(desired.spec.template), withoutLabels(template)) ? "Current" : "Outdated"
  }
  if (hash !== desired.metadata.annotations[annotations.templateHash]) return "Outdated"
  return isFilledIn(meaningOf(desired.spec.template), meaningOf(template)) ? "Current" : "Drifted"
}

const withoutLabels = (template: Json): Json => ({
  ...template,
  metadata: { ...objectOf(template["metadata"]), labels: {} }
})
