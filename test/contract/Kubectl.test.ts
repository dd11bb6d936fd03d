import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Layer } from "effect"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import * as DevCluster from "../../src/devcluster/DevCluster.ts"
import { fixturePrograms } from "../devcluster/ClusterFixture.ts"

/** kubectl, where there is one: beside the programs of a real API server, or where programs are. */
const kubectl = [process.env["KUBEBUILDER_ASSETS"] ?? "", ...(process.env["PATH"] ?? "").split(delimiter)]
  .map((folder) => join(folder, "kubectl"))
  .find((file) => existsSync(file))

interface Output {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** kubectl with a home of its own. */
class Kubectl extends Context.Service<
  Kubectl,
  {
    readonly run: (...parameters: ReadonlyArray<string>) => Effect.Effect<Output>
    /** Runs it until what it printed matches, and ends it. */
    readonly until: (pattern: RegExp, ...parameters: ReadonlyArray<string>) => Effect.Effect<string>
    /** Runs it with a manifest, in place of the parameter `FILE`. */
    readonly with: (manifest: string, ...parameters: ReadonlyArray<string>) => Effect.Effect<Output>
  }
>()("test/contract/Kubectl") {
  static readonly layer = Layer.effect(
    Kubectl,
    Effect.gen(function* () {
      const { kubeconfig } = yield* ApiServer
      const home = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "kubectl-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
      )
      const configuration = join(home, "kubeconfig")
      yield* Effect.promise(() => writeFile(configuration, kubeconfig))
      const env = { PATH: process.env["PATH"], HOME: home, KUBECONFIG: configuration }
      let files = 0
      const start = (parameters: ReadonlyArray<string>, ended: Parameters<typeof execFile>[3]) =>
        execFile(kubectl ?? "", parameters, { env }, ended)
      const run = (...parameters: ReadonlyArray<string>) =>
        Effect.callback<Output>((resume) => {
          const child = start(parameters, (error, stdout, stderr) => {
            const exitCode = typeof error?.code === "number" ? error.code : error === null ? 0 : 1
            resume(Effect.succeed({ exitCode, stdout: String(stdout), stderr: String(stderr) }))
          })
          return Effect.sync(() => child.kill())
        })
      const until = (pattern: RegExp, ...parameters: ReadonlyArray<string>) =>
        Effect.callback<string>((resume) => {
          const child = start(parameters, () => {})
          let printed = ""
          child.stdout?.on("data", (chunk) => {
            printed += String(chunk)
            if (!pattern.test(printed)) return
            child.kill()
            resume(Effect.succeed(printed))
          })
          return Effect.sync(() => child.kill())
        })
      return Kubectl.of({
        run,
        until,
        with: (manifest, ...parameters) => {
          const file = join(home, `manifest-${files++}.yaml`)
          return Effect.andThen(
            Effect.promise(() => writeFile(file, manifest)),
            Effect.suspend(() => run(...parameters.map((parameter) => (parameter === "FILE" ? file : parameter))))
          )
        }
      })
    })
  )
}

const succeeded = ({ exitCode, stderr, stdout }: Output): string => {
  assert.strictEqual(exitCode, 0, stderr)
  return stdout
}

const samples = fileURLToPath(new URL("../../deploy/samples/", import.meta.url))

const cluster = Kubectl.layer.pipe(
  Layer.provideMerge(
    DevCluster.layer({
      host: "127.0.0.1",
      port: 0,
      namespaces: [],
      programs: fixturePrograms.map((program) => ({ ...program, runs: ({ image }) => image !== "example.com/cobol" }))
    })
  ),
  Layer.orDie
)

const deployment = (name: string, container: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: default }
spec:
  replicas: 1
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: example.com/program:1
          readinessProbe: { httpGet: { path: /ready, port: 8888 }, periodSeconds: 1 }
          ${container}
`

describe.skipIf(kubectl === undefined)("the embedded API server", () => {
  layer(cluster, { excludeTestServices: true })("kubectl can", (it) => {
    it.effect("apply, get and describe custom resources", () =>
      Effect.gen(function* () {
        const { run } = yield* Kubectl
        const sample = join(samples, "environment.yaml")
        assert.strictEqual(succeeded(yield* run("apply", "-f", sample)), "environment.fission.io/nodejs created\n")
        assert.strictEqual(succeeded(yield* run("apply", "-f", sample)), "environment.fission.io/nodejs unchanged\n")
        assert.match(succeeded(yield* run("get", "environments")), /^NAME +AGE\nnodejs +\d+s\n$/u)
        const yaml = succeeded(yield* run("get", "environment", "nodejs", "-o", "yaml"))
        assert.include(yaml, "terminationGracePeriod: 5")
        const version = yield* run("get", "environments", "-o", "jsonpath={.items[0].spec.version}")
        assert.strictEqual(succeeded(version), "3")
        assert.match(succeeded(yield* run("describe", "environment", "nodejs")), /Poolsize: +2/u)
        for (const short of ["fn", "pkg", "fnver", "fnalias", "ftenant"]) {
          assert.include((yield* run("get", short)).stderr, "No resources found")
        }
        const deleted = yield* run("delete", "-f", sample, "--wait")
        assert.include(succeeded(deleted), 'environment.fission.io "nodejs" deleted')
        assert.include((yield* run("get", "environment", "nodejs")).stderr, "(NotFound)")
      })
    )

    it.effect("show the printer columns of custom resources", () =>
      Effect.gen(function* () {
        const { run, with: withFile } = yield* Kubectl
        const alias = `
apiVersion: fission.io/v1
kind: FunctionAlias
metadata: { name: live, namespace: default }
spec: { functionName: cart, version: cart-v3, secondaryVersion: cart-v2, weight: 10 }
`
        succeeded(yield* withFile(alias, "apply", "-f", "FILE"))
        assert.match(
          succeeded(yield* run("get", "fnalias")),
          /^NAME +FUNCTION +VERSION +WEIGHT +RESOLVEDVERSION\nlive +cart +cart-v3 +10 *\n$/u
        )
      })
    )

    it.effect("say what is wrong with a manifest", () =>
      Effect.gen(function* () {
        const { with: withFile } = yield* Kubectl
        const invalid = `
apiVersion: fission.io/v1
kind: Environment
metadata: { name: wrong, namespace: default }
spec: { version: 4, runtime: { image: a } }
`
        const output = yield* withFile(invalid, "apply", "-f", "FILE")
        assert.strictEqual(output.exitCode, 1)
        assert.include(output.stderr, "spec.version in body should be less than or equal to 3")
        const misspelt = invalid.replace("version: 4", "version: 3, pollsize: 2")
        assert.include((yield* withFile(misspelt, "apply", "-f", "FILE")).stderr, 'unknown field "spec.pollsize"')
      })
    )

    it.effect("apply a change that removes fields and elements of lists", () =>
      Effect.gen(function* () {
        const { run, with: withFile } = yield* Kubectl
        const env = (values: string) => deployment("removing", `env: [${values}]`)
        const two = "{ name: A, value: a }, { name: B, value: b }"
        assert.include(succeeded(yield* withFile(env(two), "apply", "-f", "FILE")), "created")
        assert.include(succeeded(yield* withFile(env("{ name: B, value: c }"), "apply", "-f", "FILE")), "configured")
        const path = "jsonpath={.spec.template.spec.containers[0].env}"
        const left = succeeded(yield* run("get", "deployment", "removing", "-o", path))
        assert.deepStrictEqual(JSON.parse(left), [{ name: "B", value: "c" }])
        succeeded(yield* run("delete", "deployment", "removing"))
      })
    )

    it.effect("roll out, scale, wait, show logs and delete a Deployment", () =>
      Effect.gen(function* () {
        const { run, with: withFile } = yield* Kubectl
        succeeded(yield* withFile(deployment("web", ""), "apply", "-f", "FILE"))
        succeeded(yield* run("rollout", "status", "deployment/web", "--timeout=20s"))
        succeeded(yield* run("wait", "--for=condition=Available", "deployment/web", "--timeout=20s"))
        succeeded(yield* run("scale", "deployment/web", "--replicas=2"))
        succeeded(yield* run("rollout", "status", "deployment/web", "--timeout=20s"))
        assert.match(
          succeeded(yield* run("get", "deployment", "web", "-o", "wide")),
          /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\nweb +2\/2 +2 +2 +\d+s +main +example.com\/program:1 +app=web\n$/u
        )
        const pods = succeeded(yield* run("get", "pods", "-l", "app=web"))
        assert.match(pods, /^NAME +READY +STATUS +RESTARTS +AGE\n(web-\S+ +1\/1 +Running +0 +\d+s\n){2}$/u)
        succeeded(yield* run("wait", "--for=condition=Ready", "pods", "-l", "app=web", "--timeout=20s"))
        assert.isNotEmpty(succeeded(yield* run("logs", "deployment/web", "--tail=1")))
        assert.include(succeeded(yield* run("describe", "deployment", "web")), "2 desired | 2 updated | 2 total")
        succeeded(yield* run("delete", "deployment", "web", "--wait", "--timeout=20s"))
        succeeded(yield* run("wait", "--for=delete", "pods", "-l", "app=web", "--timeout=20s"))
      })
    )

    it.effect("show why a pod does not start whose image nobody can run", () =>
      Effect.gen(function* () {
        const { run, until, with: withFile } = yield* Kubectl
        const pod = `
apiVersion: v1
kind: Pod
metadata: { name: cobol, namespace: default }
spec: { containers: [{ name: main, image: example.com/cobol }] }
`
        succeeded(yield* withFile(pod, "apply", "-f", "FILE"))
        yield* until(/^cobol +0\/1 +ErrImagePull/mu, "get", "pods", "-w")
        assert.include(succeeded(yield* run("describe", "pod", "cobol")), "ErrImagePull")
        succeeded(yield* run("delete", "pod", "cobol", "--wait", "--timeout=20s"))
      })
    )

    it.effect("watch", () =>
      Effect.gen(function* () {
        const { until, with: withFile } = yield* Kubectl
        const map = (data: string) => `
apiVersion: v1
kind: ConfigMap
metadata: { name: watched, namespace: default }
data: { ${data} }
`
        succeeded(yield* withFile(map("a: b"), "apply", "-f", "FILE"))
        const watched = yield* Effect.forkScoped(until(/^watched +2 +\d+s$/mu, "get", "configmaps", "-w"))
        succeeded(yield* withFile(map("a: b, c: d"), "apply", "-f", "FILE"))
        assert.match(yield* Fiber.join(watched), /^NAME +DATA +AGE\n/u)
      })
    )
  })
})
