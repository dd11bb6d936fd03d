import type { Environment } from "../fission/Environment.ts"
import type { FissionFunction } from "../fission/Function.ts"
import { annotations, labels } from "../fission/Labels.ts"
import { type ReferenceVersions, referenceText } from "../fission/ReferencedObjects.ts"
import { runtimeFingerprint } from "../fission/RuntimeHash.ts"
import type { Pod } from "../fission/Workloads.ts"
import type { Json } from "./Json.ts"
import { poolLabels } from "./PodTemplate.ts"

/** The pod that a patch takes out of its pool, and who does. */
export interface ClaimOptions {
  readonly pod: Pod
  readonly environment: Environment
  readonly instanceId: string
}

/** UID and resourceVersion make a patch fail if anybody else touched the pod since we looked (W03). */
const guardOf = ({ metadata: { resourceVersion, uid } }: Pod) => ({ uid, resourceVersion })

const claimAnnotations = ({ environment, instanceId }: ClaimOptions) => ({
  ...environment.metadata.annotations,
  [annotations.instanceId]: instanceId,
  [annotations.runtimeFingerprint]: runtimeFingerprint(environment)
})

const claimLabels = ({ environment, pod }: ClaimOptions) => {
  const image = pod.metadata.labels?.[labels.ociImageHash]
  return {
    ...poolLabels(environment),
    [labels.managed]: "false",
    ...(image === undefined ? {} : { [labels.ociImageHash]: image })
  }
}

const functionLabels = (fn: FissionFunction) => {
  const version = fn.metadata.labels?.[labels.functionVersion]
  return {
    [labels.functionName]: fn.metadata.name,
    [labels.functionNamespace]: fn.metadata.namespace ?? "",
    [labels.functionUid]: fn.metadata.uid ?? "",
    [labels.functionGeneration]: String(fn.metadata.generation ?? 0),
    ...(version === undefined ? {} : { [labels.functionVersion]: version })
  }
}

/** The strategic merge patch that takes a warm pod out of its pool for one function (poolmgr.md section 7.4). Guarded. */
export const claimPatch = (options: ClaimOptions & { readonly fn: FissionFunction }): Json => ({
  metadata: {
    ...guardOf(options.pod),
    annotations: claimAnnotations(options),
    labels: { ...claimLabels(options), ...functionLabels(options.fn) }
  }
})

/** The same for the reserve, without a function yet (poolmgr.md section 22.2). */
export const reservePatch = (options: ClaimOptions): Json => ({
  metadata: {
    ...guardOf(options.pod),
    annotations: { ...claimAnnotations(options), [annotations.safeToEvict]: "true" },
    labels: { ...claimLabels(options), [labels.claimed]: "true" }
  }
})

/** What an orderly shutdown writes onto a pod of its reserve that it never handed out (poolmgr.md section 22.2). */
export const releasePatch = (pod: Pod): Json => ({
  metadata: { ...guardOf(pod), labels: { [labels.claimed]: "released" } }
})

/** Nothing for a pod that was given nothing, or nobody knows which version of it. */
const referenceAnnotation = (references: ReferenceVersions | undefined) =>
  references === undefined || references.size === 0 ? {} : { [annotations.references]: referenceText(references) }

/**
 * The patch after a successful specialization: the pod serves, and carries all that a restarted executor needs to hand
 * it out again (poolmgr.md section 8 step 11, section 15).
 */
export const servedPatch = (
  pod: Pod,
  address: string,
  functionResourceVersion: string,
  references?: ReferenceVersions
): Json => ({
  metadata: {
    uid: pod.metadata.uid,
    annotations: {
      [annotations.serviceHost]: address,
      [annotations.functionResourceVersion]: functionResourceVersion,
      ...referenceAnnotation(references)
    },
    labels: { [labels.served]: "true" }
  }
})

/** All of that, and the function, for a pod from the reserve: afterwards it is like any other pod of the function. */
export const finalPatch = (pod: Pod, address: string, fn: FissionFunction, references?: ReferenceVersions): Json => ({
  metadata: {
    ...guardOf(pod),
    annotations: {
      [annotations.serviceHost]: address,
      [annotations.functionResourceVersion]: fn.metadata.resourceVersion ?? "",
      ...referenceAnnotation(references),
      [annotations.safeToEvict]: null
    },
    labels: { ...functionLabels(fn), [labels.served]: "true", [labels.claimed]: null }
  }
})

/** The patch that holds a pod warm for its function whatever its idle time, or does so no longer (poolmgr.md section 17). */
export const provisionedPatch = (podUid: string, isHeld: boolean): Json => ({
  metadata: { uid: podUid, labels: { [labels.provisioned]: isHeld ? "true" : null } }
})

/** The patch that takes a pod out of service before it is deleted (poolmgr.md section 14.1). */
export const drainPatch = (podUid: string, since: string): Json => ({
  metadata: {
    uid: podUid,
    annotations: { [annotations.drainingSince]: since },
    labels: { [labels.served]: null }
  }
})
