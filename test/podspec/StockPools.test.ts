import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { Settings, type SettingsShape } from "../../src/Config.ts"
import type { Environment } from "../../src/fission/Environment.ts"
import { Deployments, Environments } from "../../src/fission/ResourceKind.ts"
import { isDeploymentCurrent, poolDeployment } from "../../src/podspec/PoolDeployment.ts"

type Json = { readonly [field: string]: unknown }

const data = new URL("../data/stock-objects/", import.meta.url)

const read = (file: string) => JSON.parse(readFileSync(new URL(file, data), "utf8"))

/** An Environment and the pool that the stock executor made of it. */
const pools = ["env-v1", "env-v2", "env-v3", "env-grace0", "env-custom", "env-inf", "env-tenant", "env-size0"]

/** What ours may differ in, with the reason. */
const permittedDifferences: ReadonlyArray<{ readonly path: ReadonlyArray<string>; readonly reason: string }> = [
  { path: ["metadata", "annotations", "executorInstanceId"], reason: "another one in every process" },
  {
    path: ["metadata", "annotations", "fission.io/runtime-fingerprint"],
    reason: "our identity of a template, besides the stock label (poolmgr.md section 5)"
  },
  {
    path: ["spec", "template", "metadata", "annotations", "fission.io/runtime-fingerprint"],
    reason: "where the stock label cannot be reproduced and is left out (poolmgr.md section 5)"
  },
  {
    path: ["spec", "template", "metadata", "labels", "fission.io/env-runtime-hash"],
    reason: "left out where the Environment has overlays (poolmgr.md section 5); a missing label matches for stock"
  },
  {
    path: ["spec", "template", "spec", "containers", "1", "image"],
    reason: "the image of the fetcher is ours, whatever a podspec says (W37)"
  }
]

/** What an API server fills in where a client leaves it out. */
const serverDefaults: { readonly [field: string]: unknown } = {
  revisionHistoryLimit: 10,
  progressDeadlineSeconds: 600,
  strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
  restartPolicy: "Always",
  dnsPolicy: "ClusterFirst",
  schedulerName: "default-scheduler",
  securityContext: {},
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  imagePullPolicy: "IfNotPresent",
  protocol: "TCP",
  scheme: "HTTP",
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
  defaultMode: 420,
  apiVersion: "v1",
  serviceAccount: "fission-fetcher",
  resources: {}
}

/** Fields that only the server writes. */
const serverFields = new Set(["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"])

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const same = (left: unknown, right: unknown) => JSON.stringify(left) === JSON.stringify(right)

/** Paths at which ours differs from what the stock executor's object became on the server. */
const differences = (ours: unknown, stock: unknown, path: ReadonlyArray<string> = []): ReadonlyArray<string> => {
  if (Array.isArray(ours) && Array.isArray(stock)) {
    if (ours.length !== stock.length) return [`${path.join(".")}: ${ours.length} elements, not ${stock.length}`]
    return ours.flatMap((element, index) => differences(element, stock[index], [...path, String(index)]))
  }
  if (isObject(ours) && isObject(stock)) {
    return [...new Set([...Object.keys(ours), ...Object.keys(stock)])].flatMap((field) => {
      const here = [...path, field]
      if (permittedDifferences.some((permitted) => same(permitted.path, here))) return []
      if (!(field in ours) && same(stock[field], serverDefaults[field])) return []
      return differences(ours[field], stock[field], here)
    })
  }
  return same(ours, stock) ? [] : [`${path.join(".")}: ${JSON.stringify(ours)}, not ${JSON.stringify(stock)}`]
}

/** The Environment as it was stored, from the manifest and from what its pool says about it. */
const environmentOf = (name: string, pool: { readonly metadata: Json }): Environment => {
  const manifest = read(`crs/${name}.json`)
  const { labels, name: poolName } = pool.metadata
  const uid = isObject(labels) ? labels["environmentUid"] : undefined
  const resourceVersion = String(poolName).split("-").at(-1)
  return Result.getOrThrow(
    Environments.decode({ ...manifest, metadata: { ...manifest.metadata, uid, resourceVersion } })
  )
}

/** The settings that the stock executor ran with: those of the chart. */
const chartSettings = Effect.provide(
  Settings,
  Settings.layer({
    FETCHER_IMAGE: "ghcr.io/fission/fetcher:v1.27.0",
    FETCHER_IMAGE_PULL_POLICY: "IfNotPresent",
    FETCHER_MINCPU: "10m",
    FETCHER_MINMEM: "16Mi",
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.1",
    OTEL_PROPAGATORS: "tracecontext,baggage",
    RUNTIME_IMAGE_PULL_POLICY: "IfNotPresent"
  })
)

const withoutServerFields = ({ metadata, spec }: { readonly metadata: Json; readonly spec: Json }) => {
  const annotations = isObject(metadata["annotations"]) ? metadata["annotations"] : {}
  const { "deployment.kubernetes.io/revision": _, ...kept } = annotations
  return {
    metadata: {
      ...Object.fromEntries(Object.entries(metadata).filter(([field]) => !serverFields.has(field))),
      annotations: kept
    },
    spec
  }
}

const built = (environment: Environment, settings: SettingsShape) => {
  const { metadata, spec } = Result.getOrThrow(poolDeployment(environment, settings, "instance"))
  return JSON.parse(JSON.stringify({ metadata, spec }))
}

describe("the pool of an Environment", () => {
  it.effect.each(pools)("%s equals the stock executor's, field by field", (name) =>
    Effect.gen(function* () {
      const recorded = read(`objects/${name}-pool-deployment.json`)
      const ours = built(environmentOf(name, recorded), yield* chartSettings)
      assert.strictEqual(ours.spec.template.spec.containers[1].image, "ghcr.io/fission/fetcher:v1.27.0")
      assert.deepStrictEqual(differences(ours, withoutServerFields(recorded)), [])
    })
  )

  it.effect.each(pools)("%s made by the stock executor needs no change when we take over", (name) =>
    Effect.sync(() => {
      const recorded = read(`objects/${name}-pool-deployment.json`)
      const deployment = Result.getOrThrow(Deployments.decode(recorded))
      assert.isTrue(isDeploymentCurrent(environmentOf(name, recorded), deployment))
    })
  )
})
