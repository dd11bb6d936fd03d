import { spawn } from "node:child_process"
import { generateKeyPairSync } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Context, Duration, Effect, Layer, type Scope } from "effect"
import { Agent, request } from "undici"
import { definitionFiles } from "../../src/devcluster/CustomResources.ts"

/** Tokens that the server knows: of an administrator, and of users who may do nothing until somebody grants it. */
export const tokens = { admin: "admin-token", limited: "limited-token", executor: "executor-token" }
type User = keyof typeof tokens

/** A program that runs, and may be stopped, killed and started again. */
export interface Program {
  /** Starts it again; it must have ended. */
  readonly start: Effect.Effect<void>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Waits until it has ended. */
  readonly ended: Effect.Effect<void>
  /** Holds it still until the scope closes: it answers nobody, and its connections stay open. */
  readonly suspended: Effect.Effect<void, never, Scope.Scope>
}

/** An answer without its headers; status 0 where there was none. */
export interface Exchanged {
  readonly status: number
  readonly text: string
}

const folder = process.env["KUBEBUILDER_ASSETS"]

/** The folder `KUBEBUILDER_ASSETS` where it holds a server, undefined where it does not. */
export const assets: string | undefined =
  folder !== undefined && ["etcd", "kube-apiserver"].every((name) => existsSync(join(folder, name)))
    ? folder
    : undefined

/** A real API server over an etcd of one member or more, with the custom resources of `deploy/crds`, and nothing else. */
export class RealServer extends Context.Service<
  RealServer,
  {
    readonly url: string
    /** PEM file by which the server's certificate is verified. */
    readonly certificateAuthority: string
    /** A kubeconfig of each user. */
    readonly kubeconfigs: { readonly [user in User]: string }
    /** The first member of etcd, the only one unless more were asked for. */
    readonly etcd: Program
    readonly members: ReadonlyArray<Program>
    readonly server: Program
    /** One request with a body in YAML or JSON. */
    readonly exchange: (
      method: "GET" | "POST" | "DELETE",
      path: string,
      options?: { readonly body?: string; readonly user?: User }
    ) => Effect.Effect<Exchanged>
    /** Removes the history before now from etcd. */
    readonly compact: Effect.Effect<void>
  }
>()("test/contract/RealServer") {
  /** Ready when the layer is built; closing it ends every program and removes their files. */
  static readonly layer = (folder: string, size: 1 | 3 = 1): Layer.Layer<RealServer> =>
    Layer.effect(
      RealServer,
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const file = (name: string) => join(directory, name)
        yield* Effect.promise(() => writeCredentials(file))
        const port = Effect.promise(freePort)

        const plans = yield* Effect.forEach(Array.from({ length: size }), (_, index) =>
          Effect.map(Effect.all([port, port]), ([client, peer]) => ({
            name: `etcd-${index}`,
            clients: `http://127.0.0.1:${client}`,
            peers: `http://127.0.0.1:${peer}`
          }))
        )
        const members = yield* Effect.forEach(plans, ({ clients, name, peers }) =>
          program(join(folder, "etcd"), {
            name,
            "data-dir": file(name),
            "unsafe-no-fsync": true,
            "log-level": "error",
            "listen-client-urls": clients,
            "advertise-client-urls": clients,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": plans.map((member) => `${member.name}=${member.peers}`).join(",")
          })
        )
        const [etcd] = members
        const [plan] = plans
        if (etcd === undefined || plan === undefined) return yield* Effect.die("an etcd has a member")
        const secure = yield* port
        const server = yield* program(join(folder, "kube-apiserver"), {
          "etcd-servers": plans.map(({ clients }) => clients).join(","),
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
        const exchange: RealServer["Service"]["exchange"] = (method, path, { body, user = "admin" } = {}) =>
          Effect.promise(async (signal) => {
            const answer = await request(`${url}${path}`, {
              method,
              signal,
              dispatcher: agent,
              headers: { authorization: `Bearer ${tokens[user]}`, "content-type": "application/yaml" },
              ...(body === undefined ? {} : { body })
            }).catch(() => undefined)
            return { status: answer?.statusCode ?? 0, text: (await answer?.body.text()) ?? "" }
          })
        const serves = (path: string) => until(Effect.map(exchange("GET", path), ({ status }) => status === 200))

        yield* serves("/readyz").pipe(Effect.raceFirst(server.died))
        const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        for (const definition of definitionFiles) {
          const answer = yield* exchange("POST", definitions, { body: readFileSync(definition, "utf8") })
          if (answer.status !== 201) return yield* Effect.die(`${definition}: ${answer.text}`)
        }
        for (const definition of definitionFiles) {
          const plural = definition.replace(/^.*\/|\.yaml$/gu, "")
          yield* serves(`/apis/fission.io/v1/${plural}`)
        }

        const kubeconfig = (user: User) =>
          Effect.as(
            Effect.promise(() => writeFile(file(user), kubeconfigOf(url, certificateAuthority, user))),
            file(user)
          )
        const kubeconfigs = {
          admin: yield* kubeconfig("admin"),
          limited: yield* kubeconfig("limited"),
          executor: yield* kubeconfig("executor")
        }
        return RealServer.of({
          url,
          certificateAuthority,
          kubeconfigs,
          etcd,
          members,
          server,
          exchange,
          compact: compact(plan.clients)
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
  const lines = Object.entries(tokens).map(
    ([user, token]) => `${token},${user},${user}${user === "admin" ? ",system:masters" : ""}\n`
  )
  await writeFile(file("tokens.csv"), lines.join(""))
}

const kubeconfigOf = (url: string, certificateAuthority: string, user: User): string =>
  `apiVersion: v1
kind: Config
clusters:
  - name: real
    cluster: { server: "${url}", certificate-authority: "${certificateAuthority}" }
users:
  - name: ${user}
    user: { token: ${tokens[user]} }
contexts:
  - name: real
    context: { cluster: real, user: ${user}, namespace: default }
current-context: real
`

/** A program of ours, with the way it must not end while nobody wants it to. */
interface StartedProgram extends Program {
  /** Dies with its last words when it ends. */
  readonly died: Effect.Effect<never>
}

/** Runs a program, which is killed when the scope closes: nothing that these hold is worth an orderly end. */
const program = (
  path: string,
  flags: { readonly [flag: string]: string | number | boolean }
): Effect.Effect<StartedProgram, never, Scope.Scope> =>
  Effect.gen(function* () {
    const parameters = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
    let words = ""
    let child = run()

    function run() {
      const started = spawn(path, parameters, { stdio: ["ignore", "ignore", "pipe"] })
      started.on("error", (cause) => (words = cause.message))
      started.stderr.on("data", (chunk) => (words = `${words}${String(chunk)}`.slice(-4000)))
      return started
    }
    const isRunning = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null
    const signal = (name: NodeJS.Signals) => Effect.sync(() => void (isRunning() && child.kill(name)))
    const ended = Effect.callback<void>((resume) => {
      if (!isRunning()) return resume(Effect.void)
      child.once("exit", () => resume(Effect.void))
    })
    yield* Effect.addFinalizer(() => Effect.andThen(signal("SIGKILL"), ended))
    return {
      start: Effect.sync(() => void (child = run())),
      signal,
      ended,
      died: Effect.andThen(
        ended,
        Effect.suspend(() => Effect.die(`${path} ended: ${words}`))
      ),
      suspended: Effect.asVoid(Effect.acquireRelease(signal("SIGSTOP"), () => signal("SIGCONT")))
    }
  })

/** Looks ten times a second until it is so; a defect after a minute. */
export const until = (condition: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (!(yield* condition)) yield* Effect.sleep("100 millis")
  }).pipe(
    Effect.timeoutOrElse({
      duration: Duration.minutes(1),
      orElse: () => Effect.die("the API server did not answer within a minute")
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
