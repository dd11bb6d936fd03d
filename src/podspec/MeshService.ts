import { type SettingsShape, workloadNamespace } from "../Config.ts"
import type { FissionFunction } from "../fission/Function.ts"
import { annotations, labels, ports } from "../fission/Labels.ts"
import { meshServiceName } from "../fission/MeshService.ts"
import type { Service } from "../fission/Workloads.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesApi.ts"
import { ownedBy } from "./Ownership.ts"

/**
 * The Service through which a mesh reaches the one pod of a function (poolmgr.md section 11). It carries more labels than
 * the stock executor's, so that our view shows it. Pure: the same input gives the same object.
 */
export const meshService = (fn: FissionFunction, settings: SettingsShape, instanceId: string): KubernetesObject => {
  const { name, uid } = fn.metadata
  const space = fn.metadata.namespace ?? ""
  const namespace = workloadNamespace(settings, space)
  const selector = { [labels.functionName]: name, [labels.functionUid]: uid ?? "" }
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: meshServiceName(fn.metadata),
      namespace,
      labels: { ...selector, [labels.executorType]: "poolmgr", [labels.functionNamespace]: space },
      annotations: { [annotations.instanceId]: instanceId },
      ...ownedBy("Function", fn.metadata, namespace, settings)
    },
    spec: {
      ports: [
        { name: "http-fetcher", protocol: "TCP", port: ports.fetcher, targetPort: ports.fetcher },
        { name: "http-env", protocol: "TCP", port: ports.runtime, targetPort: ports.runtime }
      ],
      selector
    }
  }
}

/** Whether the Service is one through which a mesh reaches a function of poolmgr. */
export const isMeshService = ({ metadata }: Service): boolean =>
  metadata.labels?.[labels.executorType] === "poolmgr" && metadata.name.startsWith("istio-")
