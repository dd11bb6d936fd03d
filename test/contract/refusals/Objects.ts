import { environment } from "../Objects.ts"
import { core, deployments, leases, merge, pods, post, type Refusal } from "./Refusal.ts"

const container = { name: "main", image: "a" }
const pod = (spec: object) => post(pods, { metadata: { name: "new" }, spec })
const deployment = (spec: object) =>
  post(deployments, {
    metadata: { name: "new" },
    spec: {
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [container] } },
      ...spec
    }
  })

/** Objects of built-in kinds that cannot be. */
export const ofObjects: ReadonlyArray<Refusal> = [
  ["a Pod of nothing", pod({}), 422, 'Pod "new" is invalid: spec.containers: Required value'],
  [
    "a container without image",
    pod({ containers: [{ name: "main" }] }),
    422,
    "spec.containers[0].image: Required value"
  ],
  [
    "a container with a bad name",
    pod({ containers: [{ ...container, name: "A" }] }),
    422,
    'spec.containers[0].name: Invalid value: "A": a lowercase RFC 1123 label must consist of'
  ],
  [
    "a mount of an unknown volume",
    pod({ containers: [{ ...container, volumeMounts: [{ name: "a", mountPath: "/a" }] }] }),
    422,
    'spec.containers[0].volumeMounts[0].name: Not found: "a"'
  ],
  [
    "a change of a Pod's command",
    merge(`${pods}/here`, { spec: { containers: [{ ...container, command: ["a"] }] } }),
    422,
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`"
  ],
  [
    "a change of a Pod's node",
    merge(`${pods}/here`, { spec: { nodeName: "a" } }),
    422,
    "pod updates may not change fields"
  ],
  [
    "a binding of another Pod",
    post(`${pods}/here/binding`, { metadata: { name: "there" }, target: { kind: "Node", name: "a" } }),
    400,
    "name in URL does not match name in Binding object"
  ],
  [
    "a log of an unknown container",
    { path: `${pods}/here/log?container=a` },
    400,
    "container a is not valid for pod here"
  ],
  ["a Deployment of less than nothing", deployment({ replicas: -1 }), 422, "must be greater than or equal to 0"],
  ["a Deployment without selector", deployment({ selector: undefined }), 422, "spec.selector: Required value"],
  ["a Deployment that selects all", deployment({ selector: {} }), 422, "empty selector is invalid for deployment"],
  [
    "a Deployment that does not select its pods",
    deployment({ selector: { matchLabels: { a: "c" } } }),
    422,
    "`selector` does not match template `labels`"
  ],
  [
    "a Deployment of nothing",
    deployment({ template: { metadata: { labels: { a: "b" } }, spec: {} } }),
    422,
    "spec.template.spec.containers: Required value"
  ],
  [
    "another selector",
    merge(`${deployments}/here`, { spec: { selector: { matchLabels: { a: "c" } } } }),
    422,
    "spec.selector: Invalid value"
  ],
  [
    "a scale below zero",
    merge(`${deployments}/here/scale`, { spec: { replicas: -1 } }),
    422,
    'Scale.autoscaling "here" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
  ],
  [
    "a scale that is no number",
    merge(`${deployments}/here/scale`, { spec: { replicas: "x" } }),
    422,
    "json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32"
  ],
  [
    "a scale of another name",
    merge(`${deployments}/here/scale`, { metadata: { name: "there" } }),
    400,
    "the name of the object (there) does not match the name on the URL (here)"
  ],
  [
    "a scale of another UID",
    merge(`${deployments}/here/scale`, { metadata: { uid: "x" }, spec: { replicas: 0 } }),
    409,
    'Operation cannot be fulfilled on deployments/scale.apps "here": Precondition failed: UID in precondition: x'
  ],
  [
    "a Service without ports",
    post(`${core}/services`, { metadata: { name: "new" }, spec: {} }),
    422,
    "spec.ports: Required value"
  ],
  [
    "an autoscaler of no pods",
    post("/apis/autoscaling/v2/namespaces/refusals/horizontalpodautoscalers", {
      metadata: { name: "new" },
      spec: { minReplicas: 0, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "here" } }
    }),
    422,
    "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1, spec.maxReplicas: Required value"
  ],
  [
    "an autoscaler of more pods at least than at most",
    post("/apis/autoscaling/v2/namespaces/refusals/horizontalpodautoscalers", {
      metadata: { name: "new" },
      spec: {
        minReplicas: 5,
        maxReplicas: 3,
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "here" }
      }
    }),
    422,
    "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"
  ],
  [
    "an Event about an object elsewhere",
    post(`${core}/events`, { metadata: { name: "new" }, involvedObject: { kind: "Pod", namespace: "other" } }),
    422,
    'involvedObject.namespace: Invalid value: "other": does not match event.namespace'
  ],
  [
    "a Lease of no length",
    post(leases, { metadata: { name: "new" }, spec: { leaseDurationSeconds: 0 } }),
    422,
    "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"
  ],
  [
    "a patch of a Lease to a time in milliseconds",
    merge(`${leases}/here`, { spec: { renewTime: "2026-01-01T00:00:00.123Z" } }),
    422,
    'cannot parse ".123Z" as ".000000"'
  ]
]

/** What must be there so that the requests are refused for what they are. */
export const present = {
  configMap: { metadata: { namespace: "refusals", name: "here" } },
  environment: environment("refusals", "here"),
  pod: { metadata: { namespace: "refusals", name: "here" }, spec: { containers: [container] } },
  deployment: {
    metadata: { namespace: "refusals", name: "here" },
    spec: {
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [container] } }
    }
  },
  lease: { metadata: { namespace: "refusals", name: "here" }, spec: { holderIdentity: "a" } }
}
