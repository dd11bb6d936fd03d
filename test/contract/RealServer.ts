import { type ChildProcess, spawn } from "node:child_process"
import { generateKeyPairSync } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Context, Duration, Effect, Layer, type Scope } from "effect"
import { Agent, request } from "undici"
import { definitionFiles } from "../../src/devcluster/CustomResources.ts"

/** Tokens that the server knows: of an administrator, and of a user who may do nothing. */
export const tokens = { admin: "admin-token", limited: "limited-token" }

const folder = process.env["KUBEBUILDER_ASSETS"]

/** The folder `KUBEBUILDER_ASSETS` where it holds a server, undefined where it does not. */
export const assets: string | undefined =
  folder !== undefined && ["etcd", "kube-apiserver"].every((name) => existsSync(join(folder, name)))
    ? folder
    : undefined

/** A real API server with the custom resources of `deploy/crds`, and nothing else of a cluster. */
export class RealServer extends Context.Service<
  RealServer,
  {
    readonly url: string
    /** PEM file by which the server's certificate is verified. */
    readonly certificateAuthority: string
    /** A kubeconfig of the administrator. */
    readonly kubeconfig: string
    /** Removes the history before now from etcd. */
    readonly compact: Effect.Effect<void>
    /** Holds one of the programs still until the scope closes: it answers nobody, and its connections stay open. */
    readonly suspended: (program: "etcd" | "kube-apiserver") => Effect.Effect<void, never, Scope.Scope>
  }
>()("test/contract/RealServer") {
  /** Ready when the layer is built; closing it ends both programs and removes their files. */
  static readonly layer = (folder: string): Layer.Layer<RealServer> =>
    Layer.effect(
      RealServer,
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const [client, peer, secure] = yield* Effect.promise(() => Promise.all([freePort(), freePort(), freePort()]))
        const etcd = `http://127.0.0.1:${client}`
        const file = (name: string) => join(directory, name)
        yield* Effect.promise(() => writeCredentials(file))

        const store = yield* program(join(folder, "etcd"), {
          "data-dir": file("etcd"),
          "unsafe-no-fsync": true,
          "log-level": "error",
          "listen-client-urls": etcd,
          "advertise-client-urls": etcd,
          "listen-peer-urls": `http://127.0.0.1:${peer}`
        })
        const server = yield* program(join(folder, "kube-apiserver"), {
          "etcd-servers": etcd,
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
          "endpoint-reconciler-type": "none",
          profiling: false
        })

        const url = `https://127.0.0.1:${secure}`
        const certificateAuthority = file("certificates/apiserver.crt")
        yield* until(Effect.sync(() => existsSync(certificateAuthority))).pipe(Effect.raceFirst(server.died))
        const agent = yield* Effect.acquireRelease(
          Effect.sync(() => new Agent({ connect: { ca: readFileSync(certificateAuthority) } })),
          (agent) => Effect.promise(() => agent.destroy())
        )
        const exchange = (method: "GET" | "POST", path: string, body?: string) =>
          Effect.promise(async (signal) => {
            const answer = await request(`${url}${path}`, {
              method,
              signal,
              dispatcher: agent,
              headers: { authorization: `Bearer ${tokens.admin}`, "content-type": "application/yaml" },
              ...(body === undefined ? {} : { body })
            }).catch(() => undefined)
            return { status: answer?.statusCode ?? 0, text: (await answer?.body.text()) ?? "" }
          })
        const serves = (path: string) => until(Effect.map(exchange("GET", path), ({ status }) => status === 200))

        yield* serves("/readyz").pipe(Effect.raceFirst(server.died))
        const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        for (const definition of definitionFiles) {
          const answer = yield* exchange("POST", definitions, readFileSync(definition, "utf8"))
          if (answer.status !== 201) return yield* Effect.die(`${definition}: ${answer.text}`)
        }
        for (const definition of definitionFiles) {
          const plural = definition.replace(/^.*\/|\.yaml$/gu, "")
          yield* serves(`/apis/fission.io/v1/${plural}`)
        }

        const kubeconfig = file("kubeconfig")
        yield* Effect.promise(() => writeFile(kubeconfig, kubeconfigOf(url, certificateAuthority)))
        return RealServer.of({
          url,
          certificateAuthority,
          kubeconfig,
          compact: compact(etcd),
          suspended: (program) => (program === "etcd" ? store : server).suspended
        })
      })
    )
}

const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "api-server-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
)

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

const writeCredentials = async (file: (name: string) => string): Promise<void> => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" }
  })
  await writeFile(file("account.key"), privateKey)
  await writeFile(file("account.pub"), publicKey)
  await writeFile(file("tokens.csv"), `${tokens.admin},admin,admin,system:masters\n${tokens.limited},limited,limited\n`)
}

const kubeconfigOf = (url: string, certificateAuthority: string): string =>
  `apiVersion: v1
kind: Config
clusters:
  - name: real
    cluster: { server: "${url}", certificate-authority: "${certificateAuthority}" }
users:
  - name: admin
    user: { token: ${tokens.admin} }
contexts:
  - name: real
    context: { cluster: real, user: admin, namespace: default }
current-context: real
`

/** A program that runs. */
interface Program {
  /** Dies with its last words when it ends. */
  readonly died: Effect.Effect<never>
  /** Stops it until the scope closes. */
  readonly suspended: Effect.Effect<void, never, Scope.Scope>
}

/** Runs a program until the scope closes. */
const program = (
  path: string,
  flags: { readonly [flag: string]: string | number | boolean }
): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const parameters = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
        const child = spawn(path, parameters, { stdio: ["ignore", "ignore", "pipe"] })
        const said = { lines: "" }
        child.stderr.on("data", (chunk) => (said.lines = `${said.lines}${String(chunk)}`.slice(-4000)))
        return { child, said }
      }),
      ({ child }) => stop(child)
    ),
    ({ child, said }) => ({
      died: Effect.callback<never>((resume) => {
        const ended = () => resume(Effect.die(`${path} ended: ${said.lines}`))
        if (child.exitCode !== null) ended()
        child.once("exit", ended).once("error", (cause) => resume(Effect.die(cause)))
        return Effect.sync(() => child.off("exit", ended))
      }),
      suspended: Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => child.kill("SIGSTOP")),
          () => Effect.sync(() => child.kill("SIGCONT"))
        )
      )
    })
  )

/** Nothing that these programs hold is worth an orderly end. */
const stop = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

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
    const header = typeof status === "object" && status !== null && "header" in status ? status.header : undefined
    const revision = typeof header === "object" && header !== null && "revision" in header ? Number(header.revision) : 0
    await post("/v3/kv/compaction", { revision, physical: true })
  })
