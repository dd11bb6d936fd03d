import { Effect } from "effect"
import { Environments, Functions, Packages } from "../../fission/ResourceKind.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"

/** Source of a function of the tour: answers with a text. */
const answering = (text: string) => `module.exports = async () => ({ status: 200, body: ${JSON.stringify(text)} })\n`

/** Creates the Environment of a namespace, with warm pods for two cold starts at a time. */
export const createEnvironment = Effect.fnUntraced(function* (namespace: string) {
  const api = yield* KubernetesApi
  yield* api.create(Environments, {
    metadata: { namespace, name: "nodejs" },
    spec: {
      version: 3,
      poolsize: 2,
      terminationGracePeriod: 1,
      runtime: { image: "ghcr.io/fission/node-env-22" }
    }
  })
})

/** What a Package holds of a function's code. */
const codeOf = (namespace: string, text: string) => ({
  environment: { namespace, name: "nodejs" },
  deployment: { type: "literal", literal: Buffer.from(answering(text)).toString("base64") }
})

/**
 * Creates a function and the Package with its code, as `fission function create` does. It answers with its own name,
 * or with what it is told; the rest is for its spec.
 */
export const createFunction = Effect.fnUntraced(function* (
  namespace: string,
  name: string,
  text = `${namespace}/${name}\n`,
  spec: { readonly [field: string]: unknown } = {}
) {
  const api = yield* KubernetesApi
  const made = yield* api.create(Packages, {
    metadata: { namespace, name: `${name}-package` },
    spec: codeOf(namespace, text)
  })
  const built = { type: "merge", subresource: "status", body: { status: { buildstatus: "none" } } } as const
  yield* api.patch(Packages, { namespace, name: made.metadata.name }, built)
  yield* api.create(Functions, {
    metadata: { namespace, name },
    spec: {
      environment: { namespace, name: "nodejs" },
      package: { packageref: { namespace, name: made.metadata.name } },
      InvokeStrategy: {
        StrategyType: "execution",
        ExecutionStrategy: { ExecutorType: "poolmgr", SpecializationTimeout: 120 }
      },
      functionTimeout: 60,
      concurrency: 2,
      requestsPerPod: 10,
      ...spec
    }
  })
})

/** Gives a function other code, as `fission package update` does. */
export const changeFunction = Effect.fnUntraced(function* (namespace: string, name: string, text: string) {
  const api = yield* KubernetesApi
  const body = { spec: codeOf(namespace, text) }
  const { metadata } = yield* api.patch(Packages, { namespace, name: `${name}-package` }, { type: "merge", body })
  const packageref = { resourceversion: metadata.resourceVersion }
  yield* api.patch(Functions, { namespace, name }, { type: "merge", body: { spec: { package: { packageref } } } })
})
