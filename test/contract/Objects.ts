import { Effect } from "effect"
import { rawKind } from "../../src/devcluster/RawKind.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesApi.ts"
import { served } from "../devcluster/ClusterFixture.ts"
import { ServerUnderTest } from "./Servers.ts"

/** A kind that the servers know, with every field. */
export const kindOf = (kind: string) => rawKind(served(kind))

/** A ConfigMap of two entries. */
export const configMap = (namespace: string, name: string, more: Partial<KubernetesObject["metadata"]> = {}) => ({
  metadata: { namespace, name, ...more },
  data: { a: "1", b: "2" }
})

/** The least of an Environment. */
export const environment = (namespace: string, name: string) => ({
  metadata: { namespace, name },
  spec: { version: 3, runtime: { image: "node" } }
})

/** A Pod of two containers. */
export const pod = (namespace: string, name: string, more: Partial<KubernetesObject["metadata"]> = {}) => ({
  metadata: { namespace, name, ...more },
  spec: {
    terminationGracePeriodSeconds: 7,
    containers: [
      { name: "main", image: "a", ports: [{ containerPort: 80 }], env: [{ name: "A", value: "1" }] },
      { name: "side", image: "b" }
    ]
  }
})

const template = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "main", image: "a" }] }
}

/** A Deployment or ReplicaSet of one pod. */
export const workload = (namespace: string, name: string) => ({
  metadata: { namespace, name },
  spec: { replicas: 1, selector: { matchLabels: { app: "web" } }, template }
})

/** Gives a Pod its node. */
export const bind = (namespace: string, name: string) =>
  ServerUnderTest.use(({ send }) =>
    send({
      method: "POST",
      path: `/api/v1/namespaces/${namespace}/pods/${name}/binding`,
      body: { metadata: { name }, target: { kind: "Node", name: "node-1" } }
    })
  )

/** The tag of the error that an effect fails with. */
export const tagOf = <A, R>(effect: Effect.Effect<A, { readonly _tag: string }, R>) =>
  Effect.map(Effect.flip(effect), ({ _tag }) => _tag)
