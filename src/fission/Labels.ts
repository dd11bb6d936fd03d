/** Labels of the objects that the executor makes (poolmgr.md section 3). */
export const labels = {
  executorType: "executorType",
  environmentName: "environmentName",
  environmentNamespace: "environmentNamespace",
  environmentUid: "environmentUid",
  /** `true` on a warm pod, `false` on a specialized one. */
  managed: "managed",
  /** On a pool whose pods have an image's code mounted, and on those pods: which image (poolmgr.md section 18). */
  ociImageHash: "ociImageHash",
  functionName: "functionName",
  functionNamespace: "functionNamespace",
  functionUid: "functionUid",
  functionGeneration: "fission.io/function-generation",
  functionVersion: "fission.io/function-version",
  /** `true` on a pod that has finished specialization and may be sent requests. */
  served: "fission.io/served",
  /** `true` on a pod that is held warm for a function, whatever its idle time. */
  provisioned: "fission.io/provisioned",
  runtimeHash: "fission.io/env-runtime-hash",
  /** `fission` on Services, and so on their EndpointSlices, by which the router finds them. */
  managedBy: "fission.io/managed-by",
  /**
   * On a pod that an executor claimed without a function (poolmgr.md section 22.2): `true` while it may hand it out, or
   * has and not yet said so; `released` once it gave it back untouched.
   */
  claimed: "fission.io/claimed"
} as const

/** Annotations of the objects that the executor makes (poolmgr.md section 3). */
export const annotations = {
  instanceId: "executorInstanceId",
  /** `<pod address>:8888`, the address that requests are sent to. */
  serviceHost: "svcHost",
  functionResourceVersion: "functionResourceVersion",
  runtimeFingerprint: "fission.io/runtime-fingerprint",
  /** Which versions of Secrets and ConfigMaps a pod of one function was given: `configmap/app=55,secret/db=812`. */
  references: "fission.io/references",
  /** Which template a Deployment of one function was last given (newdeploy-and-container.md section 12.2). */
  templateHash: "fission.io/template-hash",
  /** When a drain began; for people, never for arithmetic. */
  drainingSince: "fission.io/draining-since",
  authKeyScheme: "fission.io/auth-key-scheme",
  /** `true`: a pod without an owner must not hold its node. */
  safeToEvict: "cluster-autoscaler.kubernetes.io/safe-to-evict",
  /** `false` keeps the mesh out of a pod that may call anybody. */
  istioInject: "sidecar.istio.io/inject"
} as const

/** The port of the runtime in every function pod, and of its fetcher. */
export const ports = { runtime: 8888, fetcher: 8000 } as const
