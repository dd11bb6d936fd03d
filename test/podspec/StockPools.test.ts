import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import type { SettingsShape } from "../../src/Config.ts"
import type { Environment } from "../../src/fission/Environment.ts"
import { imageHash, imageVolumeOf, type PoolImage } from "../../src/fission/ImageVolume.ts"
import { Deployments, Pods, WholePackages } from "../../src/fission/ResourceKind.ts"
import { type Json, listOf, objectOf } from "../../src/podspec/Json.ts"
import { poolImageIn } from "../../src/podspec/PodImageVolume.ts"
import { isCurrent, isDeploymentCurrent, poolDeployment } from "../../src/podspec/PoolDeployment.ts"
import { at, chartSettings, differences, environmentOf, type Permitted, read } from "./StockObjects.ts"

/** The Environments whose pools were recorded. */
const pools = ["env-v1", "env-v2", "env-v3", "env-grace0", "env-custom", "env-inf", "env-tenant", "env-size0"]

/** What ours may differ in, with the reason. */
const permitted: ReadonlyArray<Permitted> = [
  { path: ["metadata", "annotations", "executorInstanceId"], reason: "another one in every process" },
  {
    path: ["metadata", "annotations", "fission.io/runtime-fingerprint"],
    reason: "our identity of a template, besides the stock label (poolmgr.md section 5)"
  },
  {
    path: ["spec", "template", "metadata", "annotations", "fission.io/runtime-fingerprint"],
    of: ["env-custom"],
    reason: "in the template where the stock label is left out (poolmgr.md section 5)"
  },
  {
    path: ["spec", "template", "metadata", "labels", "fission.io/env-runtime-hash"],
    mayLack: true,
    of: ["env-custom"],
    reason: "left out where it cannot be reproduced (poolmgr.md section 5); a missing label matches for stock"
  },
  {
    path: ["spec", "template", "spec", "containers", "1", "image"],
    of: ["env-custom"],
    reason: "the image of the fetcher is ours, whatever a podspec says (W37)"
  },
  ...["0", "1"].map((container) => ({
    path: ["spec", "template", "spec", "containers", container, "lifecycle", "preStop", "sleep", "seconds"],
    of: ["env-custom"],
    reason: "the sleep follows the grace that the podspec sets (W31)"
  }))
]

/** What a pod may have besides what its template says. */
const permittedInPods: ReadonlyArray<Permitted> = [
  {
    path: ["spec", "containers", "0", "resources", "requests", "memory"],
    mayLack: true,
    of: ["env-custom"],
    reason: "the server requests for a pod what it limits it to, where it requests nothing"
  }
]

/** What an API server fills in where a client leaves it out. */
const serverDefaults: Json = {
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

/** What admission and the scheduler add to a pod. */
const podDefaults: Json = {
  ...serverDefaults,
  enableServiceLinks: true,
  priority: 0,
  preemptionPolicy: "PreemptLowerPriority",
  nodeName: "any",
  "pod-template-hash": "any"
}

/** Tolerations that admission gives to every pod. */
const admittedTolerations = new Set(["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"])

/** Fields of metadata, and annotations, that only the server and its controllers write. */
const serverFields = ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"]

const without = (object: unknown, fields: ReadonlyArray<string>): Json =>
  Object.fromEntries(Object.entries(objectOf(object)).filter(([field]) => !fields.includes(field)))

const recordedPool = (file: string) => {
  const { metadata, spec } = read(`objects/${file}-deployment.json`)
  const annotations = without(metadata.annotations, ["deployment.kubernetes.io/revision"])
  return { metadata: { ...without(metadata, serverFields), annotations }, spec }
}

const deploymentOf = (file: string) => Result.getOrThrow(Deployments.decode(read(`objects/${file}-deployment.json`)))

/** The Environment without the volume for which it is refused: the stock executor takes only that volume away. */
const safe = (environment: Environment): Environment => {
  const { podspec, ...runtime } = environment.spec.runtime
  if (!podspec) return environment
  const volumes = listOf(podspec["volumes"]).filter(({ hostPath }) => hostPath === undefined)
  return { ...environment, spec: { ...environment.spec, runtime: { ...runtime, podspec: { ...podspec, volumes } } } }
}

const built = (environment: Environment, settings: SettingsShape, image?: PoolImage) => {
  const { deployment } = Result.getOrThrow(poolDeployment(safe(environment), settings, "instance", image))
  return JSON.parse(JSON.stringify({ metadata: deployment.metadata, spec: deployment.spec }))
}

const isDefault = (defaults: Json) => (field: string, value: unknown) =>
  defaults[field] === "any" || JSON.stringify(value) === JSON.stringify(defaults[field])

/** The image and the limits of the recorded update. */
const newImage = {
  runtime: { image: "ghcr.io/fission/node-env:1.35.0" },
  resources: { limits: { cpu: "700m", memory: "256Mi" }, requests: { cpu: "50m", memory: "64Mi" } }
}

describe("the pool of an Environment", () => {
  it.effect.each(pools)("%s equals the stock executor's, field by field", (name) =>
    Effect.gen(function* () {
      const ours = built(environmentOf(name), yield* chartSettings())
      const stock = recordedPool(`${name}-pool`)
      assert.deepStrictEqual(differences(name, ours, stock, permitted, isDefault(serverDefaults)), [])
    })
  )

  it.effect("takes the fetcher's image from the settings", () =>
    Effect.gen(function* () {
      const ours = built(environmentOf("env-custom"), yield* chartSettings())
      assert.strictEqual(ours.spec.template.spec.containers[1].image, "ghcr.io/fission/fetcher:v1.27.0")
    })
  )

  it.effect.each<readonly [update: string, spec: Partial<Environment["spec"]>]>([
    ["poolsize", { poolsize: 3 }],
    ["image", { poolsize: 3, ...newImage }]
  ])("equals the stock executor's after its %s was changed", ([update, spec]) =>
    Effect.gen(function* () {
      const ours = built(environmentOf("env-v3", spec), yield* chartSettings())
      const stock = recordedPool(`env-v3-pool-after-${update}`)
      assert.deepStrictEqual(differences("env-v3", ours, stock, permitted, isDefault(serverDefaults)), [])
    })
  )

  it.effect.each<readonly [name: string, pod: string]>([
    ["env-v1", "env-v1-pool-pod-1"],
    ["env-v2", "env-v2-pool-pod-1"],
    ["env-v3", "env-v3-pool-pod-1"],
    ["env-grace0", "env-grace0-pool-pod"],
    ["env-custom", "env-custom-pool-pod"],
    ["env-inf", "env-inf-pool-pod"],
    ["env-tenant", "env-tenant-pool-pod"]
  ])("%s makes pods that equal those of the stock executor", ([name, file]) =>
    Effect.gen(function* () {
      const { template } = built(environmentOf(name), yield* chartSettings()).spec
      const { metadata, spec } = read(`objects/${file}.json`)
      const tolerations = listOf(spec.tolerations).filter(({ key }) => !admittedTolerations.has(String(key)))
      const stock = {
        metadata: { labels: metadata.labels, ...(metadata.annotations && { annotations: metadata.annotations }) },
        spec: { ...without(spec, ["tolerations"]), ...(tolerations.length === 0 ? {} : { tolerations }) }
      }
      const ofTemplate = permitted
        .filter(({ path }) => path[1] === "template")
        .map((difference) => ({ ...difference, path: difference.path.slice(2) }))
      assert.deepStrictEqual(
        differences(name, template, stock, [...ofTemplate, ...permittedInPods], isDefault(podDefaults)),
        []
      )
    })
  )
})

describe("a pool that the stock executor made", () => {
  it.effect.each(pools)("%s needs no change when we take over", (name) =>
    Effect.gen(function* () {
      const settings = yield* chartSettings()
      assert.isTrue(isDeploymentCurrent(environmentOf(name), settings, deploymentOf(`${name}-pool`)))
    })
  )

  it.effect.each(pools)("%s needs none either where its label is of no help", (name) =>
    Effect.gen(function* () {
      const { metadata, spec } = deploymentOf(`${name}-pool`)
      const template = objectOf(spec.template)
      const { "fission.io/env-runtime-hash": _, ...labels } = objectOf(at(template, "metadata", "labels"))
      const unlabelled = { ...template, metadata: { ...objectOf(template["metadata"]), labels } }
      const deployment = { metadata, spec: { template: unlabelled } }
      assert.isTrue(isDeploymentCurrent(environmentOf(name), yield* chartSettings(), deployment))
    })
  )

  it.effect("needs none after the updates that the stock executor made itself", () =>
    Effect.gen(function* () {
      const settings = yield* chartSettings()
      const isCurrentAfter = (update: string, spec: Partial<Environment["spec"]>) =>
        isDeploymentCurrent(environmentOf("env-v3", spec), settings, deploymentOf(`env-v3-pool-after-${update}`))
      assert.isTrue(isCurrentAfter("poolsize", { poolsize: 3 }))
      assert.isTrue(isCurrentAfter("image", { poolsize: 3, ...newImage }))
      assert.isFalse(isCurrentAfter("poolsize", newImage))
      assert.isFalse(isCurrentAfter("image", {}))
    })
  )

  it.each<readonly [pod: string, environment: string]>([
    ["env-v3-pool-pod-1", "env-v3"],
    ["env-custom-pool-pod", "env-custom"],
    ["pm-basic-after-first-pod", "env-v3"],
    ["pm-custom-specialized-pod", "env-custom"],
    ["pm-grace0-specialized-pod", "env-grace0"],
    ["pm-once-specialized-pod", "env-v3"],
    ["pm-secret-specialized-pod", "env-v3"],
    ["pm-spec300-specialized-pod", "env-v3"],
    ["pm-tenant-specialized-pod", "env-tenant"],
    ["pm-url-specialized-pod", "env-v2"],
    ["pm-v1-specialized-pod", "env-v1"]
  ])("has pods that are current: %s", (file, environment) => {
    const pod = Result.getOrThrow(Pods.decode(read(`objects/${file}.json`)))
    assert.isTrue(isCurrent(environmentOf(environment), pod.metadata))
  })

  it("has pods that are not current once the Environment has another image", () => {
    const pod = Result.getOrThrow(Pods.decode(read("objects/pm-basic-after-first-pod.json")))
    assert.isFalse(isCurrent(environmentOf("env-v3", newImage), pod.metadata))
  })
})

/** The pools of OCI images that were recorded: Package, and whether the pods have a fetcher. */
const imagePools: ReadonlyArray<readonly [file: string, pkg: string, hasFetcher: boolean]> = [
  ["oci-pools-deployment-1", "pkg-oci-plain", true],
  ["oci-pools-deployment-2", "pkg-oci", false]
]

const imageOf = (pkg: string, hasFetcher: boolean): PoolImage => {
  const { oci } = Result.getOrThrow(WholePackages.decode(read(`crs/${pkg}.json`))).spec?.deployment ?? {}
  return { ...imageVolumeOf(oci ?? { image: "" }), hasFetcher }
}

describe("the pool of an OCI image (section 18)", () => {
  it.effect.each(imagePools)("%s equals the stock executor's, field by field", ([file, pkg, hasFetcher]) =>
    Effect.gen(function* () {
      const ours = built(environmentOf("env-v3"), yield* chartSettings(), imageOf(pkg, hasFetcher))
      const { metadata, spec } = read(`objects/${file}.json`)
      const annotations = without(metadata.annotations, ["deployment.kubernetes.io/revision"])
      const stock = { metadata: { ...without(metadata, serverFields), annotations }, spec }
      assert.deepStrictEqual(differences(file, ours, stock, permitted, isDefault(serverDefaults)), [])
    })
  )

  it.effect.each(imagePools)("W27: %s needs no change when we take over", ([file, pkg, hasFetcher]) =>
    Effect.gen(function* () {
      const deployment = Result.getOrThrow(Deployments.decode(read(`objects/${file}.json`)))
      const image = imageOf(pkg, hasFetcher)
      assert.isTrue(isDeploymentCurrent(environmentOf("env-v3"), yield* chartSettings(), deployment, image))
    })
  )

  it("W27: is known by its template, whoever made it, and by nothing else", () => {
    for (const [file, pkg, hasFetcher] of imagePools) {
      const { metadata, spec } = read(`objects/${file}.json`)
      const image = imageOf(pkg, hasFetcher)
      assert.strictEqual(imageHash(image), metadata.labels.ociImageHash)
      assert.deepStrictEqual(poolImageIn(spec.template, metadata.labels.ociImageHash), image)
      assert.isUndefined(poolImageIn(spec.template, "0123456789abcdef"))
    }
    assert.isUndefined(poolImageIn(read("objects/env-v3-pool-deployment.json").spec.template, "0123456789abcdef"))
  })
})
