import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { ConfigMaps, Deployments, WorkloadPods } from "../../src/devcluster/Kinds.ts"
import { Environments, type ResourceKind } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, type KubernetesObject } from "../../src/kubernetes/KubernetesApi.ts"
import { at } from "../devcluster/ClusterFixture.ts"
import { kindOf } from "./Objects.ts"
import { ofBodies } from "./refusals/Bodies.ts"
import { ofMetadata } from "./refusals/Metadata.ts"
import { ofObjects, present } from "./refusals/Objects.ts"
import { configMaps } from "./refusals/Refusal.ts"
import { ofOptions, ofPaths, ofSelectors } from "./refusals/Requests.ts"
import { contract, furnish, ServerUnderTest } from "./Servers.ts"

const world = Effect.gen(function* () {
  const api = yield* KubernetesApi
  const ensure = (kind: ResourceKind, object: KubernetesObject) =>
    api.create(kind, object).pipe(Effect.catchTag("KubernetesAlreadyExists", () => Effect.void))
  yield* furnish("refusals")
  yield* ensure(ConfigMaps, present.configMap)
  yield* ensure(Environments, present.environment)
  yield* ensure(WorkloadPods, present.pod)
  yield* ensure(Deployments, present.deployment)
  yield* ensure(kindOf("Lease"), present.lease)
})

contract("refused", (it) => {
  for (const [what, refusals] of Object.entries({
    metadata: ofMetadata,
    bodies: ofBodies,
    paths: ofPaths,
    selectors: ofSelectors,
    options: ofOptions,
    objects: ofObjects
  })) {
    describe(what, () => {
      it.effect.each(refusals)("%s", ([, request, status, message]) =>
        Effect.gen(function* () {
          yield* world
          const { send } = yield* ServerUnderTest
          const answer = yield* send(request)
          assert.strictEqual(answer.status, status, answer.text)
          assert.include(String(at(answer.json, "message")), message)
          assert.strictEqual(at(answer.json, "code"), status)
        })
      )
    })
  }

  it.effect("and the server goes on", () =>
    Effect.gen(function* () {
      yield* world
      const { send } = yield* ServerUnderTest
      assert.strictEqual((yield* send({ path: `${configMaps}/here` })).status, 200)
    })
  )
})
