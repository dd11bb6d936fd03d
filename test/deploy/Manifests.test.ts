import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { parseAllDocuments } from "yaml"
import { Settings } from "../../src/Config.ts"
import { readImage } from "../../src/devcluster/ImageLayout.ts"
import * as ManifestFiles from "../../src/devcluster/manifests/ManifestFiles.ts"
import { at } from "../devcluster/ClusterFixture.ts"

const folder = (path: string) => fileURLToPath(new URL(`../../deploy/${path}`, import.meta.url))

const documentsOf = (path: string): ReadonlyArray<unknown> =>
  globSync("**/*.yaml", { cwd: folder(path) }).flatMap((file) =>
    [...parseAllDocuments(readFileSync(`${folder(path)}/${file}`, "utf8"))].map((document) => {
      assert.deepStrictEqual(document.errors, [], file)
      return document.toJS()
    })
  )

const base = documentsOf("base")
const only = (kind: string): unknown => {
  const found = base.filter((object) => at(object, "kind") === kind)
  assert.strictEqual(found.length, 1, kind)
  return found[0]
}
const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
const podSpec = () => at(only("Deployment"), "spec", "template", "spec")
const container = () => at(podSpec(), "containers", 0)
const test = (name: string, body: () => void) => it.effect(name, () => Effect.sync(body))

/** What the executor calls (configuration-and-deployment.md section 10.4), as far as it is built. */
const rights: { readonly [resource: string]: ReadonlyArray<string> } = {
  "fission.io/functions": ["get", "list", "watch", "patch"],
  "fission.io/functions/status": ["patch"],
  "fission.io/environments": ["get", "list", "watch"],
  "fission.io/packages": ["get", "list", "watch"],
  "fission.io/functionversions": ["get", "list", "watch"],
  "fission.io/functionaliases": ["list", "watch"],
  "/pods": ["get", "list", "watch", "patch", "delete"],
  "apps/deployments": ["get", "list", "watch", "create", "update", "delete"],
  "apps/deployments/scale": ["patch"],
  "/services": ["get", "list", "watch", "create", "update", "delete"],
  "autoscaling/horizontalpodautoscalers": ["get", "list", "create", "update", "delete"],
  "/secrets": ["get", "list", "watch"],
  "/configmaps": ["get", "list", "watch"],
  "/events": ["list", "watch", "create"],
  "metrics.k8s.io/pods": ["list"]
}

test("the Role grants what the executor calls, and nothing else", () => {
  const granted = list(at(only("Role"), "rules")).flatMap((rule) =>
    list(at(rule, "apiGroups")).flatMap((group) =>
      list(at(rule, "resources")).map(
        (resource) => [`${String(group)}/${String(resource)}`, at(rule, "verbs")] as const
      )
    )
  )
  assert.strictEqual(new Set(granted.map(([resource]) => resource)).size, granted.length)
  assert.deepStrictEqual(Object.fromEntries(granted), rights)
})

test("the Role is bound to the account that the pod runs as", () => {
  const account = at(only("ServiceAccount"), "metadata", "name")
  assert.strictEqual(at(podSpec(), "serviceAccountName"), account)
  assert.deepStrictEqual(list(at(only("RoleBinding"), "subjects")), [
    { kind: "ServiceAccount", name: account, namespace: at(only("ServiceAccount"), "metadata", "namespace") }
  ])
  assert.strictEqual(at(only("RoleBinding"), "roleRef", "name"), at(only("Role"), "metadata", "name"))
})

test("the Service leads to the port that the arguments name", () => {
  assert.deepStrictEqual(at(container(), "args"), ["--executorPort", "8888"])
  assert.deepStrictEqual(at(only("Service"), "spec", "ports"), [{ port: 80, targetPort: 8888 }])
  const labels = at(only("Deployment"), "spec", "template", "metadata", "labels")
  assert.deepStrictEqual(at(only("Service"), "spec", "selector"), labels)
  assert.deepStrictEqual(at(only("Deployment"), "spec", "selector", "matchLabels"), labels)
  for (const probe of ["readinessProbe", "livenessProbe"]) {
    assert.strictEqual(at(container(), probe, "httpGet", "port"), 8888)
  }
})

test("the container can do nothing but run", () => {
  assert.deepInclude(at(podSpec(), "securityContext"), {
    runAsNonRoot: true,
    runAsUser: 10001,
    runAsGroup: 10001,
    seccompProfile: { type: "RuntimeDefault" }
  })
  assert.deepStrictEqual(at(container(), "securityContext"), {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] }
  })
})

it.effect("the executor can use every variable that the Deployment sets", () =>
  Effect.gen(function* () {
    const variables = list(at(container(), "env")).map((entry) => [
      String(at(entry, "name")),
      String(at(entry, "value") ?? "from-a-secret")
    ])
    const settings = yield* Effect.provide(Settings, Settings.layer(Object.fromEntries(variables)))
    assert.deepStrictEqual(settings.invalid, [])
    assert.deepStrictEqual(settings.namespaces, ["default"])
    assert.isTrue(settings.finalizerEnabled)
    assert.isTrue(settings.functionServices)
  })
)

test("the kustomization names every file beside it", () => {
  const files = globSync("*.yaml", { cwd: folder("base") }).filter((file) => file !== "kustomization.yaml")
  const named = list(at(only("Kustomization"), "resources")).map(String)
  assert.deepStrictEqual(named.toSorted(), files.toSorted())
})

test("the overlay for high availability names every file beside it, and may write the lease and no other", () => {
  const overlay = documentsOf("overlays/high-availability")
  const kustomization = overlay.find((object) => at(object, "kind") === "Kustomization")
  const files = globSync("*.yaml", { cwd: folder("overlays/high-availability") })
  const named = list(at(kustomization, "resources")).map(String)
  assert.deepStrictEqual(
    named.toSorted(),
    ["../../base", ...files.filter((file) => file !== "kustomization.yaml")].toSorted()
  )
  const role = overlay.find((object) => at(object, "kind") === "Role")
  const rules = list(at(role, "rules")).map((rule) => [
    at(rule, "resources"),
    at(rule, "resourceNames"),
    at(rule, "verbs")
  ])
  assert.deepStrictEqual(rules, [
    [["leases"], undefined, ["create"]],
    [["leases"], ["fission-executor"], ["get", "update"]]
  ])
})

it.effect("the image of the sample with an OCI package is in the layout beside it, whole", () =>
  Effect.gen(function* () {
    const { manifests } = yield* ManifestFiles.read(folder("samples-oci"))
    const pkg = manifests.find(({ kind }) => kind.kind === "Package")?.object
    const oci = (field: string) => String(at(pkg, "spec", "deployment", "oci", field))
    const files = yield* Effect.promise(() => readImage(folder("samples-oci/images"), oci("image"), oci("subPath")))
    assert.deepStrictEqual(
      files.map(({ name }) => name),
      ["quote.js"]
    )
  })
)

for (const samples of ["samples", "samples-python", "samples-oci"]) {
  it.effect(`every object in ${samples} can be applied, and every name that it mentions is there`, () =>
    Effect.gen(function* () {
      const { archives, manifests, problems } = yield* ManifestFiles.read(folder(samples))
      assert.deepStrictEqual(problems, [])
      const names = new Set(manifests.map(({ kind, object }) => `${kind.kind} ${object.metadata.name}`))
      for (const { kind, object } of manifests) {
        const mentioned = {
          Package: [`Environment ${String(at(object, "spec", "environment", "name"))}`],
          Function: [
            `Environment ${String(at(object, "spec", "environment", "name"))}`,
            `Package ${String(at(object, "spec", "package", "packageref", "name"))}`
          ],
          HTTPTrigger: [`Function ${String(at(object, "spec", "functionref", "name"))}`]
        }[kind.kind]
        const isNone = (name: string) => name.endsWith(" ")
        for (const name of mentioned ?? []) assert.isTrue(names.has(name) || isNone(name), name)
      }
      for (const { folder: from, include, name } of archives) {
        for (const pattern of include) assert.isNotEmpty(globSync(pattern, { cwd: from }), `${name}: ${pattern}`)
      }
    })
  )
}
