import { type Environment, poolSize } from "../../fission/Environment.ts"
import { imageHash, type PoolImage } from "../../fission/ImageVolume.ts"
import { labels } from "../../fission/Labels.ts"
import { type Deployment, isDeleting } from "../../fission/Workloads.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import { type Json, objectOf } from "../../podspec/Json.ts"
import { poolImageIn } from "../../podspec/PodImageVolume.ts"

/** Pods of one Environment that are alike: for all its functions, or for those with one image (poolmgr.md section 4.1). */
export interface Pool {
  readonly environment: Environment
  /** Absent: the plain pool. */
  readonly image?: PoolImage | undefined
}

/** Pods of a pool that somebody needs, while nothing enlarges it: one for an image (poolmgr.md section 18). */
export const smallestSize = ({ environment, image }: Pool): number =>
  image === undefined ? Math.max(1, poolSize(environment)) : 1

type Labels = { readonly [label: string]: string } | null | undefined

/** Identity of a pool in this process: the Environment's UID, and the image's hash after it. */
export const poolKey = ({ environment, image }: Pool): string =>
  keyOf(environment.metadata.uid ?? "", image && imageHash(image))

const keyOf = (environmentUid: string, hash: string | undefined) =>
  hash === undefined ? environmentUid : `${environmentUid}/${hash}`

/** The key of the pool that a pod was made by, from its labels. */
export const poolKeyIn = (held: Labels): string =>
  keyOf(held?.[labels.environmentUid] ?? "", held?.[labels.ociImageHash])

/** The key of the pool that a Deployment is, from its selector, which nobody can change. */
export const poolKeyOf = ({ metadata, spec }: Deployment): string =>
  poolKeyIn(spec.selector?.matchLabels ?? metadata.labels)

/** The Deployments of one Environment's pools that the view shows, and that are not going away. */
export const poolsOf = (view: NamespaceView, environmentUid: string): ReadonlyArray<Deployment> =>
  view.deployments.indexed("environmentUid", environmentUid).filter(({ metadata }) => !isDeleting(metadata))

/** The Deployment of a pool that the view shows, unless it is going away. */
export const existing = (view: NamespaceView, pool: Pool): Deployment | undefined =>
  poolsOf(view, pool.environment.metadata.uid ?? "").find((deployment) => poolKeyOf(deployment) === poolKey(pool))

/** Whether a Deployment is the pool of one image. */
export const isForImage = ({ metadata, spec }: Deployment): boolean =>
  (spec.selector?.matchLabels ?? metadata.labels)?.[labels.ociImageHash] !== undefined

/** The pool that a Deployment for one image is, whoever made it (W27). Undefined where its template does not tell. */
export const poolFrom = (environment: Environment, deployment: Deployment, template?: Json): Pool | undefined => {
  const hash = (deployment.spec.selector?.matchLabels ?? deployment.metadata.labels)?.[labels.ociImageHash] ?? ""
  const image = poolImageIn(template ?? objectOf(deployment.spec.template), hash)
  return image && { environment, image }
}

/** Which Deployment it is, as deletes and log lines name it. */
export const identityOf = ({ metadata }: Deployment) => ({
  namespace: metadata.namespace ?? "",
  name: metadata.name,
  uid: metadata.uid ?? ""
})
