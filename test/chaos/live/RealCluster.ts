import { type ChildProcess, spawn } from "node:child_process"
import { generateKeyPairSync } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Context, Duration, Effect, Layer, type Scope } from "effect"
import { Agent, request } from "undici"
import { freePort } from "../../cli/CommandProcess.ts"

const folder = process.env["KUBEBUILDER_ASSETS"]

/** Where etcd and kube-apiserver are, undefined where they are not. */
export const assets: string | undefined =
  folder !== undefined && ["etcd", "kube-apiserver"].every((name) => existsSync(join(folder, name)))
    ? folder
    : undefined

/** A program that is stopped, killed and started again. */
export interface Program {
  readonly start: Effect.Effect<void>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Waits until it has ended. */
  readonly ended: Effect.Effect<void>
}

/** A real etcd and a real API server with the custom resources of `deploy/crds`, each to be harmed. */
export class RealCluster extends Context.Service<
  RealCluster,
  {
    /** Kubeconfig of an administrator, and of the user that the executor is. */
    readonly administrator: string
    readonly executor: string
    readonly etcd: Program
    readonly server: Program
    /** Waits until the executor's user gets lists of pods and of a custom resource, with etcd behind them. */
    readonly answers: Effect.Effect<void>
    /** Removes the history before now from etcd. */
    readonly compact: Effect.Effect<void>
    /** Gives the executor's user every right, or takes it away. */
    readonly grant: Effect.Effect<void>
    readonly withdraw: Effect.Effect<void>
  }
>()("test/chaos/RealCluster") {
  /** Ready when the layer is built; closing it ends both programs and removes their files. */
  static readonly layer = (folder: string): Layer.Layer<RealCluster> =>
    Layer.effect(
      RealCluster,
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const [client, peer, secure] = [yield* freePort, yield* freePort, yield* freePort]
        const etcdUrl = `http://127.0.0.1:${client}`
        const url = `https://127.0.0.1:${secure}`
        const file = (name: string) => join(directory, name)
        yield* Effect.promise(() => writeCredentials(file))

        const etcd = yield* program(join(folder, "etcd"), {
          "data-dir": file("etcd"),
          "log-level": "error",
          "listen-client-urls": etcdUrl,
          "advertise-client-urls": etcdUrl,
          "listen-peer-urls": `http://127.0.0.1:${peer}`
        })
        const server = yield* program(join(folder, "kube-apiserver"), {
          "etcd-servers": etcdUrl,
          "etcd-compaction-interval": 0,
          "bind-address": "127.0.0.1",
          "secure-port": secure,
          "cert-dir": file("certificates"),
          "token-auth-file": file("tokens.csv"),
          "authorization-mode": "RBAC",
          "service-account-issuer": "https://test.local",
          "service-account-key-file": file("account.pub"),
          "service-account-signing-key-file": file("account.key"),
          "service-cluster-ip-range": "10.98.0.0/16",
          "endpoint-reconciler-type": "none"
        })
        yield* etcd.start
        yield* server.start

        const certificate = file("certificates/apiserver.crt")
        yield* until(Effect.sync(() => existsSync(certificate)))
        const agent = new Agent({ connect: { ca: readFileSync(certificate) } })
        yield* Effect.addFinalizer(() => Effect.promise(() => agent.destroy()))
        const exchange = (method: "GET" | "POST" | "DELETE", path: string, body?: string, user = "admin") =>
          Effect.promise((signal) =>
            request(`${url}${path}`, {
              method,
              signal,
              dispatcher: agent,
              headers: { authorization: `Bearer ${user}-token`, "content-type": "application/yaml" },
              ...(body === undefined ? {} : { body })
            }).then(
              async (answer) => (await answer.body.dump(), answer.statusCode),
              () => 0
            )
          )
        const serves = (path: string) => until(Effect.map(exchange("GET", path), (status) => status === 200))
        yield* serves("/readyz")
        for (const name of readdirSync(definitions)) {
          const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
          yield* exchange("POST", path, readFileSync(new URL(name, definitions), "utf8"))
          yield* serves(`/apis/fission.io/v1/${name.replace(/\.yaml$/u, "")}`)
        }

        const rights = "/apis/rbac.authorization.k8s.io/v1"
        yield* exchange("POST", `${rights}/clusterroles`, JSON.stringify(everything))
        const grant = Effect.asVoid(exchange("POST", `${rights}/clusterrolebindings`, JSON.stringify(binding)))
        yield* grant
        const kubeconfig = (user: string) =>
          Effect.as(
            Effect.promise(() => writeFile(file(user), kubeconfigOf(url, certificate, `${user}-token`))),
            file(user)
          )
        return RealCluster.of({
          administrator: yield* kubeconfig("admin"),
          executor: yield* kubeconfig("executor"),
          etcd,
          server,
          answers: until(
            Effect.forEach(["/api/v1/pods?limit=1", "/apis/fission.io/v1/functions?limit=1"], (path) =>
              exchange("GET", path, undefined, "executor").pipe(
                Effect.timeoutOrElse({ duration: "1 second", orElse: () => Effect.succeed(0) })
              )
            ).pipe(Effect.map((statuses) => statuses.every((status) => status === 200)))
          ),
          compact: compact(etcdUrl),
          grant,
          withdraw: Effect.asVoid(exchange("DELETE", `${rights}/clusterrolebindings/executor`))
        })
      })
    )
}

const definitions = new URL("../../../deploy/crds/", import.meta.url)

const everything = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name: "executor" },
  rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }]
}
const binding = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name: "executor" },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "executor" },
  subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "executor" }]
}

const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "chaos-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
)

const writeCredentials = async (file: (name: string) => string): Promise<void> => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" }
  })
  await writeFile(file("account.key"), privateKey)
  await writeFile(file("account.pub"), publicKey)
  await writeFile(file("tokens.csv"), "admin-token,admin,admin,system:masters\nexecutor-token,executor,executor\n")
}

const kubeconfigOf = (url: string, certificate: string, token: string): string =>
  `apiVersion: v1
kind: Config
clusters:
  - name: real
    cluster: { server: "${url}", certificate-authority: "${certificate}" }
users:
  - name: user
    user: { token: ${token} }
contexts:
  - name: real
    context: { cluster: real, user: user, namespace: default }
current-context: real
`

/** A program that is not started yet; killed when the scope closes. */
const program = (
  path: string,
  flags: { readonly [flag: string]: string | number | boolean }
): Effect.Effect<Program, never, Scope.Scope> => {
  let child: ChildProcess | undefined
  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null
  const signal = (name: NodeJS.Signals) => Effect.sync(() => void (isRunning() && child?.kill(name)))
  const ended = Effect.promise(
    () =>
      new Promise<void>((resolve) => {
        if (child === undefined || !isRunning()) return resolve()
        child.once("exit", () => resolve())
      })
  )
  const start = Effect.sync(() => {
    const parameters = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
    child = spawn(path, parameters, { stdio: "ignore" })
  })
  return Effect.acquireRelease(Effect.succeed({ start, signal, ended }), ({ ended, signal }) =>
    Effect.andThen(signal("SIGKILL"), ended)
  )
}

const until = (condition: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (!(yield* condition)) yield* Effect.sleep("100 millis")
  }).pipe(
    Effect.timeoutOrElse({
      duration: Duration.minutes(1),
      orElse: () => Effect.die("the API server was not ready within a minute")
    })
  )

const compact = (etcd: string): Effect.Effect<void> =>
  Effect.promise(async (signal) => {
    const post = async (path: string, body: object): Promise<unknown> => {
      const answer = await request(`${etcd}${path}`, { method: "POST", signal, body: JSON.stringify(body) })
      return answer.body.json()
    }
    const status = await post("/v3/maintenance/status", {})
    const revision = /"revision":"?(\d+)/u.exec(JSON.stringify(status))?.[1] ?? "0"
    await post("/v3/kv/compaction", { revision, physical: true })
  })
