import type { Environment } from "../fission/Environment.ts"
import type { FissionFunction } from "../fission/Function.ts"
import { annotations, labels } from "../fission/Labels.ts"
import { runtimeFingerprint } from "../fission/RuntimeHash.ts"
import type { Pod } from "../fission/Workloads.ts"
import type { Json } from "./Json.ts"
import { poolLabels } from "./PodTemplate.ts"

/**
 * The strategic merge patch that takes a warm pod out of its pool for one function (poolmgr.md section 7.4). UID and
 * resourceVersion make it fail if anybody else touched the pod since we looked (W03).
 */
export const claimPatch = (options: {
  readonly pod: Pod
  readonly environment: Environment
  readonly fn: FissionFunction
  readonly instanceId: string
}): Json => {
  const { environment, fn, instanceId, pod } = options
  const version = fn.metadata.labels?.[labels.functionVersion]
  return {
    metadata: {
      uid: pod.metadata.uid,
      resourceVersion: pod.metadata.resourceVersion,
      annotations: {
        ...environment.metadata.annotations,
        [annotations.instanceId]: instanceId,
        [annotations.runtimeFingerprint]: runtimeFingerprint(environment)
      },
      labels: {
        ...poolLabels(environment),
        [labels.managed]: "false",
        [labels.functionName]: fn.metadata.name,
        [labels.functionNamespace]: fn.metadata.namespace ?? "",
        [labels.functionUid]: fn.metadata.uid ?? "",
        [labels.functionGeneration]: String(fn.metadata.generation ?? 0),
        ...(version === undefined ? {} : { [labels.functionVersion]: version })
      }
    }
  }
}

/**
 * The patch after a successful specialization: the pod serves, and carries all that a restarted executor needs to hand
 * it out again (poolmgr.md section 8 step 11, section 15).
 */
export const servedPatch = (pod: Pod, address: string, functionResourceVersion: string): Json => ({
  metadata: {
    uid: pod.metadata.uid,
    annotations: {
      [annotations.serviceHost]: address,
      [annotations.functionResourceVersion]: functionResourceVersion
    },
    labels: { [labels.served]: "true" }
  }
})

/** The patch that takes a pod out of service before it is deleted (poolmgr.md section 14.1). */
export const drainPatch = (podUid: string, since: string): Json => ({
  metadata: {
    uid: podUid,
    annotations: { [annotations.drainingSince]: since },
    labels: { [labels.served]: null }
  }
})
