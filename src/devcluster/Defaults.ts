import type { ServedKind } from "./ServedKinds.ts"
import type * as Status from "./Status.ts"
import { isJson, jsonIn } from "./StoredObject.ts"

type Defaulter = (value: Status.Json) => Status.Json

/** Fills in fields that are absent. */
const filled =
  (defaults: Status.Json): Defaulter =>
  (value) => ({ ...defaults, ...value })

/** Applies a defaulter to a field that holds an object; an absent one stays absent. */
const within =
  (field: string, apply: Defaulter): Defaulter =>
  (value) => {
    const held = value[field]
    return isJson(held) ? { ...value, [field]: apply(held) } : value
  }

/** Applies a defaulter to each element of a list. */
const each =
  (field: string, apply: Defaulter): Defaulter =>
  (value) => {
    const held = value[field]
    return Array.isArray(held)
      ? { ...value, [field]: held.map((element: unknown) => (isJson(element) ? apply(element) : element)) }
      : value
  }

const all =
  (...steps: ReadonlyArray<Defaulter>): Defaulter =>
  (value) =>
    steps.reduce((result, step) => step(result), value)

const fieldRef = within("fieldRef", filled({ apiVersion: "v1" }))

const probe = all(
  within("httpGet", filled({ scheme: "HTTP" })),
  filled({ timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 })
)

/** An image that may change under its name is pulled every time. */
const pullPolicy: Defaulter = (container) => {
  const image = String(container["image"])
  const isFixed = image.includes("@") || (/:[^/]+$/u.test(image) && !image.endsWith(":latest"))
  return { imagePullPolicy: isFixed ? "IfNotPresent" : "Always", ...container }
}

const container = all(
  each("ports", filled({ protocol: "TCP" })),
  each("env", within("valueFrom", fieldRef)),
  within("livenessProbe", probe),
  within("readinessProbe", probe),
  within("startupProbe", probe),
  filled({
    resources: {},
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File"
  }),
  pullPolicy
)

const volume = all(
  within("secret", filled({ defaultMode: 0o644 })),
  within("configMap", filled({ defaultMode: 0o644 })),
  within("downwardAPI", all(each("items", fieldRef), filled({ defaultMode: 0o644 }))),
  within(
    "projected",
    all(
      each(
        "sources",
        all(
          within("downwardAPI", each("items", fieldRef)),
          within("serviceAccountToken", filled({ expirationSeconds: 3600 }))
        )
      ),
      filled({ defaultMode: 0o644 })
    )
  )
)

const podSpec = all(
  each("containers", container),
  each("initContainers", container),
  each("volumes", volume),
  filled({
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    securityContext: {},
    schedulerName: "default-scheduler"
  })
)

const serviceAccount: Defaulter = (spec) => {
  const name = spec["serviceAccountName"] ?? "default"
  return { ...spec, serviceAccountName: name, serviceAccount: name }
}

const strategy: Defaulter = (spec) => {
  const given = jsonIn(spec, "strategy")
  if (given["type"] === "Recreate") return spec
  const rollingUpdate = { maxUnavailable: "25%", maxSurge: "25%", ...jsonIn(given, "rollingUpdate") }
  return { ...spec, strategy: { type: "RollingUpdate", ...given, rollingUpdate } }
}

const servicePort: Defaulter = (port) => ({ protocol: "TCP", targetPort: port["port"], ...port })

const cpuMetric = {
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } }
}

const byKind: { readonly [kind: string]: Defaulter } = {
  Pod: all(podSpec, serviceAccount, filled({ enableServiceLinks: true, preemptionPolicy: "PreemptLowerPriority" })),
  Deployment: all(
    within("template", within("spec", podSpec)),
    strategy,
    filled({ replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 })
  ),
  ReplicaSet: all(within("template", within("spec", podSpec)), filled({ replicas: 1 })),
  Service: all(each("ports", servicePort), filled({ type: "ClusterIP", sessionAffinity: "None" })),
  HorizontalPodAutoscaler: filled({ minReplicas: 1, metrics: [cpuMetric] })
}

/** Texts of a Secret become part of its data. */
const secret: Defaulter = ({ stringData, ...object }) => {
  const texts = Object.entries(isJson(stringData) ? stringData : {}).map(([name, text]) => [
    name,
    Buffer.from(String(text)).toString("base64")
  ])
  const data = { ...jsonIn(object, "data"), ...Object.fromEntries(texts) }
  return { type: "Opaque", ...object, ...(Object.keys(data).length === 0 ? {} : { data }) }
}

/**
 * The object with the defaults that clients can tell from a server without them. Idempotent.
 */
export const withDefaults = (kind: ServedKind, object: Status.Json): Status.Json => {
  if (kind.kind === "Secret") return secret(object)
  const apply = byKind[kind.kind]
  return apply === undefined ? object : within("spec", apply)(object)
}

/** The finalizer in the spec of a namespace that holds it until it is empty. */
export const namespaceFinalizer = "kubernetes"

/** A new namespace as the server stores it: it goes only when the namespace controller has emptied it. */
export const newNamespace: Defaulter = (object) => {
  const metadata = jsonIn(object, "metadata")
  const labels = { ...jsonIn(metadata, "labels"), "kubernetes.io/metadata.name": metadata["name"] }
  return { ...object, metadata: { ...metadata, labels }, spec: { finalizers: [namespaceFinalizer] } }
}
