import { Schema } from "effect"
import { ObjectMeta, optional } from "../../fission/ObjectMeta.ts"
import type { ResourceKind } from "../../fission/ResourceKind.ts"

const FieldRef = Schema.Struct({ fieldPath: Schema.String })
const KeyRef = Schema.Struct({ name: Schema.String, key: Schema.String, optional: optional(Schema.Boolean) })

const EnvironmentVariable = Schema.Struct({
  name: Schema.String,
  value: optional(Schema.String),
  valueFrom: optional(
    Schema.Struct({
      fieldRef: optional(FieldRef),
      secretKeyRef: optional(KeyRef),
      configMapKeyRef: optional(KeyRef)
    })
  )
})
export type EnvironmentVariable = typeof EnvironmentVariable.Type

const Source = Schema.Struct({ name: optional(Schema.String), optional: optional(Schema.Boolean) })
const EnvironmentSource = Schema.Struct({
  prefix: optional(Schema.String),
  configMapRef: optional(Source),
  secretRef: optional(Source)
})
export type EnvironmentSource = typeof EnvironmentSource.Type

const HttpGet = Schema.Struct({
  path: optional(Schema.String),
  port: Schema.Union([Schema.Int, Schema.String]),
  host: optional(Schema.String),
  httpHeaders: optional(Schema.Array(Schema.Struct({ name: Schema.String, value: Schema.String })))
})
export type HttpGet = typeof HttpGet.Type

/** What a probe or a hook does; one without anything known always succeeds here. */
const handler = {
  httpGet: optional(HttpGet),
  tcpSocket: optional(
    Schema.Struct({ port: Schema.Union([Schema.Int, Schema.String]), host: optional(Schema.String) })
  ),
  exec: optional(Schema.Struct({ command: optional(Schema.Array(Schema.String)) })),
  sleep: optional(Schema.Struct({ seconds: Schema.Int }))
}
const Handler = Schema.Struct(handler)
export type Handler = typeof Handler.Type

/** A probe; times in seconds. */
const Probe = Schema.Struct({
  ...handler,
  initialDelaySeconds: optional(Schema.Int),
  periodSeconds: optional(Schema.Int),
  timeoutSeconds: optional(Schema.Int),
  successThreshold: optional(Schema.Int),
  failureThreshold: optional(Schema.Int),
  terminationGracePeriodSeconds: optional(Schema.Int)
})
export type Probe = typeof Probe.Type

/** Quantities by resource. */
const Amounts = Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Finite]))

const VolumeMount = Schema.Struct({ name: Schema.String, mountPath: Schema.String, subPath: optional(Schema.String) })

/** A container of a Pod, as the kubelet runs it. */
export const Container = Schema.Struct({
  name: Schema.String,
  image: optional(Schema.String),
  command: optional(Schema.Array(Schema.String)),
  args: optional(Schema.Array(Schema.String)),
  env: optional(Schema.Array(EnvironmentVariable)),
  envFrom: optional(Schema.Array(EnvironmentSource)),
  ports: optional(Schema.Array(Schema.Struct({ name: optional(Schema.String), containerPort: Schema.Int }))),
  volumeMounts: optional(Schema.Array(VolumeMount)),
  resources: optional(Schema.Struct({ requests: optional(Amounts), limits: optional(Amounts) })),
  startupProbe: optional(Probe),
  readinessProbe: optional(Probe),
  livenessProbe: optional(Probe),
  lifecycle: optional(Schema.Struct({ preStop: optional(Handler) }))
})
export type Container = typeof Container.Type

const Items = optional(Schema.Array(Schema.Struct({ key: Schema.String, path: Schema.String })))
const SecretSource = Schema.Struct({
  secretName: optional(Schema.String),
  name: optional(Schema.String),
  items: Items,
  optional: optional(Schema.Boolean)
})
const ConfigMapSource = Schema.Struct({
  name: optional(Schema.String),
  items: Items,
  optional: optional(Schema.Boolean)
})
const DownwardSource = Schema.Struct({
  items: optional(Schema.Array(Schema.Struct({ path: Schema.String, fieldRef: optional(FieldRef) })))
})

/** One of the sources of a volume's files; the names of its fields differ between plain and projected volumes only for Secrets. */
const VolumeSource = Schema.Struct({
  secret: optional(SecretSource),
  configMap: optional(ConfigMapSource),
  downwardAPI: optional(DownwardSource),
  serviceAccountToken: optional(Schema.Struct({ path: Schema.String }))
})
export type VolumeSource = typeof VolumeSource.Type

const Volume = Schema.Struct({
  name: Schema.String,
  secret: optional(SecretSource),
  configMap: optional(ConfigMapSource),
  downwardAPI: optional(DownwardSource),
  image: optional(Schema.Struct({ reference: optional(Schema.String) })),
  projected: optional(Schema.Struct({ sources: optional(Schema.Array(VolumeSource)) }))
})
export type Volume = typeof Volume.Type

/** A Pod as the kubelet sees it. */
export const KubeletPod = Schema.Struct({
  metadata: Schema.Struct({ ...ObjectMeta.fields, deletionGracePeriodSeconds: optional(Schema.Int) }),
  spec: Schema.Struct({
    nodeName: optional(Schema.String),
    serviceAccountName: optional(Schema.String),
    restartPolicy: optional(Schema.String),
    terminationGracePeriodSeconds: optional(Schema.Int),
    initContainers: optional(Schema.Array(Container)),
    containers: Schema.Array(Container),
    volumes: optional(Schema.Array(Volume))
  }),
  status: optional(
    Schema.Struct({
      phase: optional(Schema.String),
      conditions: optional(
        Schema.Array(Schema.Struct({ type: Schema.String, status: Schema.String, message: optional(Schema.String) }))
      )
    })
  )
})
export type KubeletPod = typeof KubeletPod.Type

/** `pods`, for the kubelet. */
export const KubeletPods: ResourceKind<KubeletPod> = {
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  namespaced: true,
  metadataOnly: false,
  decode: Schema.decodeUnknownResult(KubeletPod)
}
