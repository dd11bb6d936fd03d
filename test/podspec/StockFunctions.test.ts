import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import type { SettingsShape } from "../../src/Config.ts"
import type { Environment } from "../../src/fission/Environment.ts"
import type { FissionFunction } from "../../src/fission/Function.ts"
import { type ImageVolume, imageVolumeOf } from "../../src/fission/ImageVolume.ts"
import { Functions } from "../../src/fission/ResourceKind.ts"
import { containerPort, containerTemplate } from "../../src/podspec/ContainerTemplate.ts"
import { functionObjects } from "../../src/podspec/FunctionObjects.ts"
import { type Json, listOf, objectOf } from "../../src/podspec/Json.ts"
import { newdeployTemplate } from "../../src/podspec/NewdeployTemplate.ts"
import { templateState } from "../../src/podspec/TemplateHash.ts"
import { at, chartSettings, differences, environmentOf, frozen, type Permitted, read } from "./StockObjects.ts"

/** The functions whose objects were recorded: Environment, and the sum of the versions of what they refer to. */
const recordings: ReadonlyArray<readonly [name: string, environment: string | undefined, versionSum: bigint]> = [
  ["nd-basic", "env-v3", 0n],
  ["nd-hpa", "env-v3", 0n],
  ["nd-secret", "env-v3", 625n],
  ["nd-custom", "env-custom", 0n],
  ["nd-oci", "env-v3", 0n],
  ["nd-tenant", "env-tenant", 0n],
  ["nd-zero", "env-v3", 0n],
  ["ct-basic", undefined, 0n],
  ["ct-full", undefined, 625n],
  ["ct-zero", undefined, 0n]
]

const template = ["spec", "template", "spec"]
const functionMetadata = ["command", "7", "LoadReq", "FunctionMetadata"]

/** What ours may differ in, with the reason. */
const permitted: ReadonlyArray<Permitted> = [
  { path: ["metadata", "annotations", "executorInstanceId"], reason: "another one in every process" },
  {
    path: ["metadata", "annotations", "fission.io/template-hash"],
    reason: "ours, additive: which template it was last given (newdeploy-and-container.md section 12.2)"
  },
  ...["resourceVersion", "creationTimestamp", "managedFields"].map((field) => ({
    path: [...template, "containers", "fetcher", ...functionMetadata, field],
    reason: "not embedded: every write of the Function would roll its pods (newdeploy-and-container.md section 7)"
  })),
  {
    path: [...template, "containers", "fetcher", "image"],
    of: ["nd-custom"],
    reason: "the image of the fetcher is ours, whatever a podspec says (W37)"
  },
  ...["fetcher", "env-custom"].map((container) => ({
    path: [...template, "containers", container, "lifecycle", "preStop", "sleep", "seconds"],
    of: ["nd-custom"],
    reason: "the sleep follows the grace that the podspec sets (W31)"
  })),
  ...["scaleUp", "scaleDown"].map((direction) => ({
    path: ["spec", "behavior", direction],
    mayLack: true as const,
    of: ["nd-hpa"],
    reason: "the server fills the other direction in (newdeploy-and-container.md section 14)"
  }))
]

/** What an API server fills in where a client leaves it out. */
const serverDefaults: Json = {
  progressDeadlineSeconds: 600,
  restartPolicy: "Always",
  dnsPolicy: "ClusterFirst",
  schedulerName: "default-scheduler",
  securityContext: {},
  terminationMessagePolicy: "File",
  terminationMessagePath: "/dev/termination-log",
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
  resources: {},
  selectPolicy: "Max",
  sessionAffinity: "None",
  ipFamilyPolicy: "SingleStack",
  internalTrafficPolicy: "Cluster",
  ipFamilies: ["IPv4"],
  clusterIP: "any",
  clusterIPs: "any"
}

const isDefault = (field: string, value: unknown) =>
  serverDefaults[field] === "any" || JSON.stringify(value) === JSON.stringify(serverDefaults[field])

/** Fields of metadata, and annotations, that only the server and its controllers write. */
const serverFields = ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"]

const without = (object: unknown, fields: ReadonlyArray<string>): Json =>
  Object.fromEntries(Object.entries(objectOf(object)).filter(([field]) => !fields.includes(field)))

/** Containers by name, for their order is random in the stock executor; the request in a command as an object. */
const comparable = ({ metadata, spec }: Json): Json => {
  const given = objectOf(metadata)
  const annotations = without(given["annotations"], ["deployment.kubernetes.io/revision"])
  const podTemplate = objectOf(objectOf(spec)["template"])
  const podSpec = objectOf(podTemplate["spec"])
  const containers = Object.fromEntries(listOf(podSpec["containers"]).map((one) => [one["name"], withRequest(one)]))
  return {
    metadata: { ...without(given, serverFields), annotations },
    spec:
      podTemplate["spec"] === undefined
        ? spec
        : { ...objectOf(spec), template: { ...podTemplate, spec: { ...podSpec, containers } } }
  }
}

const withRequest = (container: Json): Json => {
  const { command } = container
  if (!Array.isArray(command) || command[6] !== "-specialize-request") return container
  return { ...container, command: { ...command, 7: JSON.parse(command[7]) } }
}

/** The Function as it was stored when its objects were made. */
const functionOf = (name: string, spec: Partial<FissionFunction["spec"]> = {}, labels = {}): FissionFunction => {
  const manifest = read(`crs/fn-${name}.json`)
  const { annotations, labels: held } = read(`objects/${name}-deployment.json`).metadata
  const identity = { uid: held.functionUid, resourceVersion: annotations.functionResourceVersion, generation: 1 }
  const metadata = { ...manifest.metadata, ...identity, labels: { ...manifest.metadata.labels, ...labels } }
  if (Object.keys(metadata.labels).length === 0) delete metadata.labels
  return frozen(Result.getOrThrow(Functions.decode({ ...manifest, metadata, spec: { ...manifest.spec, ...spec } })))
}

/** The Environment without the volume for which it is refused: the stock executor takes only that volume away. */
const safe = (environment: Environment): Environment => {
  const { podspec, ...runtime } = environment.spec.runtime
  if (!podspec) return environment
  const volumes = listOf(podspec["volumes"]).filter(({ hostPath }) => hostPath === undefined)
  return { ...environment, spec: { ...environment.spec, runtime: { ...runtime, podspec: { ...podspec, volumes } } } }
}

/** The image with the code of the one recorded function that has an OCI package. */
const imageOf = ({ metadata }: FissionFunction): ImageVolume | undefined =>
  metadata.name === "nd-oci" ? imageVolumeOf(read("crs/pkg-oci.json").spec.deployment.oci) : undefined

const built = (
  fn: FissionFunction,
  environment: Environment | undefined,
  versionSum: bigint,
  settings: SettingsShape
) => {
  const instanceId = "instance"
  if (environment === undefined) {
    const made = Result.getOrThrow(containerTemplate(fn, settings, versionSum))
    return functionObjects("container", { fn, template: made, port: containerPort(fn) ?? 0, instanceId }, settings)
  }
  const made = Result.getOrThrow(newdeployTemplate(fn, safe(environment), settings, versionSum, imageOf(fn)))
  return functionObjects("newdeploy", { fn, environment, template: made, port: 8888, instanceId }, settings)
}

const objectsOf = (name: string, settings: SettingsShape) => {
  const [, environment, versionSum] = recordings.find(([recorded]) => recorded === name) ?? [name, undefined, 0n]
  return built(
    functionOf(name),
    environment === undefined ? undefined : environmentOf(environment),
    versionSum,
    settings
  )
}

const kinds = [
  ["deployment", "deployment"],
  ["service", "service"],
  ["autoscaler", "horizontalpodautoscaler"]
] as const

describe("the objects of a function", () => {
  it.effect.each(recordings)("25.2: of %s equal the stock executor's, field by field", ([name]) =>
    Effect.gen(function* () {
      const ours = objectsOf(name, yield* chartSettings())
      for (const [field, kind] of kinds) {
        const stock = comparable(read(`objects/${name}-${kind}.json`))
        const plain = comparable(JSON.parse(JSON.stringify(ours[field])))
        assert.deepStrictEqual(differences(name, plain, stock, permitted, isDefault), [], kind)
      }
    })
  )

  it.effect("25.2: of a version have its label and a name of their own", () =>
    Effect.gen(function* () {
      const label = { "fission.io/function-version": "nd-basic-v1" }
      const { deployment } = built(
        functionOf("nd-basic", {}, label),
        environmentOf("env-v3"),
        0n,
        yield* chartSettings()
      )
      const stock = read("objects/nd-basic-v1-version-deployment.json")
      assert.strictEqual(deployment.metadata.name, stock.metadata.name)
      assert.deepInclude(deployment.spec.selector["matchLabels"], label)
    })
  )

  it.effect("25.2: are the same each time they are made", () =>
    Effect.gen(function* () {
      const settings = yield* chartSettings()
      assert.strictEqual(
        JSON.stringify(objectsOf("nd-custom", settings)),
        JSON.stringify(objectsOf("nd-custom", settings))
      )
    })
  )
})

describe("a Deployment that the stock executor made", () => {
  it.effect.each(recordings)("of %s needs no change when we take over", ([name]) =>
    Effect.gen(function* () {
      const { metadata, spec } = read(`objects/${name}-deployment.json`)
      const { deployment } = objectsOf(name, yield* chartSettings())
      assert.strictEqual(templateState(deployment, { metadata, spec }), "Current")
    })
  )

  it.effect("needs one after its Function, its Environment or a Secret changed", () =>
    Effect.gen(function* () {
      const settings = yield* chartSettings()
      const { metadata, spec } = read("objects/nd-secret-deployment.json")
      const isCurrent = (fn: FissionFunction, environment: Environment, sum: bigint) =>
        templateState(built(fn, environment, sum, settings).deployment, { metadata, spec }) === "Current"
      const fn = functionOf("nd-secret")
      const environment = environmentOf("env-v3")
      const otherPackage = { packageref: { name: "pkg-literal", namespace: "default", resourceversion: "2" } }
      assert.isTrue(isCurrent(fn, environment, 625n))
      assert.isFalse(isCurrent(fn, environment, 626n))
      assert.isFalse(isCurrent(fn, environmentOf("env-v3", { runtime: { image: "other" } }), 625n))
      assert.isFalse(isCurrent(functionOf("nd-secret", { package: otherPackage }), environment, 625n))
      assert.isFalse(isCurrent(functionOf("nd-secret", { env: [{ name: "MODE", value: "test" }] }), environment, 625n))
    })
  )

  it.effect("needs none for a change of the Function's metadata alone, nor for one of its scale", () =>
    Effect.gen(function* () {
      const settings = yield* chartSettings()
      const { metadata, spec } = read("objects/nd-basic-deployment.json")
      const fn = functionOf("nd-basic", { idletimeout: 5 }, { extra: "1" })
      const later = { ...fn, metadata: { ...fn.metadata, generation: 7, resourceVersion: "9999" } }
      assert.strictEqual(
        templateState(built(later, environmentOf("env-v3"), 0n, settings).deployment, { metadata, spec }),
        "Current"
      )
      assert.strictEqual(at(metadata, "annotations", "fission.io/template-hash"), undefined)
    })
  )
})
