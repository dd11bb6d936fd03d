import type { StoredObject } from "./ResourceStore.ts"
import * as Status from "./Status.ts"
import { jsonIn } from "./StoredObject.ts"

/** The subresource `scale` of a Deployment or ReplicaSet. */
export const scaleOf = (object: StoredObject): Status.Json => {
  const { creationTimestamp, name, namespace, resourceVersion, uid } = object.metadata
  const selector = jsonIn(jsonIn(jsonIn(object, "spec"), "selector"), "matchLabels")
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: jsonIn(object, "spec")["replicas"] ?? 0 },
    status: {
      replicas: jsonIn(object, "status")["replicas"] ?? 0,
      selector: Object.entries(selector)
        .map(([label, value]) => `${label}=${String(value)}`)
        .join(",")
    }
  }
}

/** The object with the replicas of a Scale, whose UID and version are preconditions. Throws a 400 `StatusError`. */
export const withScale = (object: StoredObject, scale: Status.Json): Status.Json => {
  const { replicas } = jsonIn(scale, "spec")
  if (typeof replicas !== "number" || !Number.isInteger(replicas) || replicas < 0) {
    throw Status.badRequest("spec.replicas of a Scale must be a whole number of at least 0")
  }
  const { resourceVersion, uid } = jsonIn(scale, "metadata")
  return {
    ...object,
    metadata: {
      ...object.metadata,
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion })
    },
    spec: { ...jsonIn(object, "spec"), replicas }
  }
}
