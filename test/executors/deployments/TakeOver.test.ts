import { assert, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { TestClock } from "effect/testing"
import {
  ConfigMaps,
  Deployments,
  Environments,
  Functions,
  HorizontalPodAutoscalers,
  type ResourceKind,
  Secrets,
  Services
} from "../../../src/fission/ResourceKind.ts"
import type { GivenObject } from "../../fakes/OtherWriter.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { read } from "../../podspec/StockObjects.ts"

/** Functions of the recordings, without the one whose code is an image volume. */
const names = ["nd-basic", "nd-hpa", "nd-secret", "nd-zero", "ct-basic", "ct-full", "ct-zero"]

/** The settings that the stock executor ran with. */
const variables = {
  FINALIZER_ENABLED: "true",
  FETCHER_IMAGE: "ghcr.io/fission/fetcher:v1.27.0",
  FETCHER_MINCPU: "10m",
  FETCHER_MINMEM: "16Mi",
  OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
  OTEL_TRACES_SAMPLER_ARG: "0.1",
  OTEL_PROPAGATORS: "tracecontext,baggage"
}

/** The recorded object under the UIDs that the cluster of this test gives. */
const renamed = (object: unknown, uids: ReadonlyMap<string, string>): GivenObject =>
  JSON.parse([...uids].reduce((text, [from, to]) => text.replaceAll(from, to), JSON.stringify(object)))

it.effect(
  "N12, A2: 25.11: taking over from the stock executor writes nothing about its functions, and answers from what it made",
  () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make(variables)
      const { api } = world
      const put = (kind: ResourceKind, object: GivenObject) => api.put(kind, object).metadata.uid ?? ""
      const uids = new Map<string, string>()
      const { environmentUid } = read("objects/nd-basic-deployment.json").metadata.labels
      const manifest = read("crs/env-v3.json")
      uids.set(environmentUid, put(Environments, manifest))
      // Their versions add up to the recorded sum whatever the store calls them by: the recorded value is put in its place.
      for (const kind of [Secrets, ConfigMaps]) {
        put(kind, { metadata: { namespace: "default", name: kind === Secrets ? "db-creds" : "app-config" } })
      }
      const sum = [
        api.find(Secrets, { namespace: "default", name: "db-creds" }),
        api.find(ConfigMaps, { namespace: "default", name: "app-config" })
      ].reduce((total, found) => total + Number(found?.metadata.resourceVersion), 0)

      for (const name of names) {
        const fn = read(`crs/fn-${name}.json`)
        const metadata = { ...fn.metadata, finalizers: ["fission.io/function-cleanup"] }
        const uid = read(`objects/${name}-deployment.json`).metadata.labels.functionUid
        uids.set(uid, put(Functions, { ...fn, metadata }))
        uids.set(uid.slice(-17), (uids.get(uid) ?? "").slice(-17))
        for (const [kind, file] of [
          [Services, "service"],
          [Deployments, "deployment"],
          [HorizontalPodAutoscalers, "horizontalpodautoscaler"]
        ] as const) {
          const { metadata, ...object } = renamed(read(`objects/${name}-${file}.json`), uids)
          const { resourceVersion: _, uid: __, creationTimestamp: ___, generation: ____, ...kept } = metadata
          put(kind, renamed({ metadata: kept, ...object }, new Map([['"value":"625"', `"value":"${sum}"`]])))
        }
      }
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("4 seconds")
        for (const name of names) {
          const { address } = yield* ExecutorInMemory.ask(
            Result.getOrThrow(Functions.decode(api.find(Functions, { namespace: "default", name })))
          )
          assert.match(address, new RegExp(`^(newdeploy|container)-${name}-default-`, "u"))
        }
        yield* TestClock.adjust("1 minute")
        const writes = ExecutorInMemory.writes(world).filter((line) => !line.includes("poolmgr-"))
        assert.deepStrictEqual(writes, [])
      })
      yield* ExecutorInMemory.running(world, test)
    })
)
