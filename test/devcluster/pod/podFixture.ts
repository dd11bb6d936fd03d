import { type ChildProcess, spawn } from "node:child_process"
import { mkdir, mkdtemp, rm, stat } from "node:fs/promises"
import { createServer, type IncomingMessage, type Server } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect, type Scope } from "effect"

/** What the stub of an API server or of an archive store answers, by path: a JSON object, bytes, or a status. */
export interface Served {
  [path: string]: object | Buffer | number
}

/** A server of this test, and the requests that reached it. */
export interface Stub {
  readonly url: string
  readonly served: Served
  readonly requests: Array<IncomingMessage>
}

/** An answer as the tests look at it. */
export interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

let lastAddress = 0

/** A loopback address that no other test uses. */
export const freshAddress = (): string => {
  lastAddress++
  return `127.${1 + (process.pid % 250)}.${1 + (Math.floor(process.pid / 250) % 250)}.${lastAddress}`
}

/** A server on a free port that answers from `served`; an unknown path is a 404 and one with status 0 never answered. */
export const startStub = (served: Served): Effect.Effect<Stub, never, Scope.Scope> =>
  Effect.gen(function* () {
    const requests: Array<IncomingMessage> = []
    const server = createServer((request, response) => {
      requests.push(request)
      const path = (request.url ?? "").split("?")[0] ?? ""
      const found = served[path] ?? 404
      if (found === 0) return
      if (typeof found === "number") response.writeHead(found).end(JSON.stringify({ message: `no ${path}` }))
      else response.end(Buffer.isBuffer(found) ? found : JSON.stringify(found))
    })
    yield* Effect.acquireRelease(listening(server), () => Effect.sync(() => server.close().closeAllConnections()))
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    return { url: `http://127.0.0.1:${port}`, served, requests }
  })

const listening = (server: Server) =>
  Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))

/** A directory that goes away with the test. */
export const temporaryDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "pod-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

/** One of the programs of a pod. */
export interface Program {
  readonly process: ChildProcess
  /** Fulfilled when it listens; rejected when it ends before that. */
  readonly listening: Promise<void>
  readonly exited: Promise<number | null>
  readonly output: () => string
}

/** Starts a program of a pod; it is killed at the end of the test. */
export const startProgram = (
  name: "fetcher" | "nodeRuntime" | "pythonRuntime",
  parameters: ReadonlyArray<string>,
  environment: { readonly [name: string]: string }
): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const file = fileURLToPath(new URL(`../../../src/devcluster/pod/${name}.ts`, import.meta.url))
      const child = spawn(process.execPath, [file, ...parameters], {
        env: environment,
        stdio: ["pipe", "pipe", "pipe"]
      })
      let output = ""
      const exited = new Promise<number | null>((resolve) => child.once("exit", resolve))
      const listening = new Promise<void>((resolve, reject) => {
        const onOutput = (text: Buffer) => {
          output += text.toString("utf8")
          if (output.includes("listening on ")) resolve()
        }
        child.stdout.on("data", onOutput)
        child.stderr.on("data", onOutput)
        void exited.then((code) => reject(new Error(`${name} ended with ${code}: ${output}`)))
      })
      listening.catch(() => {})
      return { process: child, listening, exited, output: () => output }
    }),
    ({ exited, process: child }) =>
      Effect.promise(async () => {
        child.kill("SIGKILL")
        await exited
      })
  )

/** How a pod of a test differs from a plain one. */
export interface PodOptions {
  readonly parameters?: ReadonlyArray<string>
  readonly fetcher?: { readonly [name: string]: string }
  readonly runtime?: { readonly [name: string]: string }
  /** Do not wait for the runtime to listen. */
  readonly runtimeLater?: boolean
}

/** A pod with both programs. */
export interface Pod {
  readonly address: string
  readonly cluster: Stub
  readonly fetcher: Program
  readonly runtime: Program
  /** Where a path of the pod lies. */
  readonly path: (inPod: string) => string
  readonly exists: (inPod: string) => Promise<boolean>
  /** The permission bits of a path of the pod. */
  readonly mode: (inPod: string) => Promise<number>
  readonly ask: (method: string, path: string, body?: unknown, init?: RequestInit) => Promise<Answer>
  readonly invoke: (path: string, init?: RequestInit) => Promise<Answer>
}

/** Starts a pod before a cluster that serves these objects. */
export const startPod = (served: Served, options: PodOptions = {}): Effect.Effect<Pod, never, Scope.Scope> =>
  Effect.gen(function* () {
    const cluster = yield* startStub(served)
    const root = yield* temporaryDirectory
    yield* Effect.promise(() => mkdir(join(root, "userfunc")))
    const address = freshAddress()
    const common = {
      POD_IP: address,
      POD_ROOT: root,
      POD_NAME: "pod-1",
      POD_NAMESPACE: "default",
      KUBERNETES_API_URL: cluster.url
    }
    const parameters = [
      "-secret-dir",
      "/secrets",
      "-cfgmap-dir",
      "/configs",
      ...(options.parameters ?? []),
      "/userfunc"
    ]
    const runtime = yield* startProgram("nodeRuntime", [], { ...common, ...options.runtime })
    const fetcher = yield* startProgram("fetcher", parameters, { ...common, ...options.fetcher })
    yield* Effect.promise(() => fetcher.listening)
    if (options.runtimeLater !== true) yield* Effect.promise(() => runtime.listening)

    const path = (inPod: string) => join(root, inPod)
    const statOf = (inPod: string) => stat(path(inPod)).catch(() => undefined)
    return {
      address,
      cluster,
      fetcher,
      runtime,
      path,
      exists: async (inPod) => (await statOf(inPod)) !== undefined,
      mode: async (inPod) => ((await statOf(inPod))?.mode ?? 0) & 0o777,
      ask: (method, path, body, init) =>
        request(`http://${address}:8000${path}`, {
          method,
          ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
          ...init
        }),
      invoke: (path, init) => request(`http://${address}:8888${path}`, init)
    }
  })

/** One request and its answer, whatever the status. */
export const request = async (url: string, init?: RequestInit): Promise<Answer> => {
  const response = await fetch(url, init)
  return { status: response.status, text: await response.text(), headers: response.headers }
}

/** A Package as the API server gives it. */
export const packageOf = (deployment: object, buildstatus = "none"): object => ({
  apiVersion: "fission.io/v1",
  kind: "Package",
  metadata: { name: "code", namespace: "default", resourceVersion: "7" },
  spec: { deployment },
  status: { buildstatus }
})

/** A literal archive. */
export const literal = (code: string | Buffer): object => ({
  type: "literal",
  literal: Buffer.from(code).toString("base64")
})

/** Where the API server has the Package that `specializeRequest` names. */
export const packagePath = "/apis/fission.io/v1/namespaces/default/packages/code"

/** The body of `/specialize` as the executor sends it, with changes. */
export const specializeRequest = (fetchChanges: object = {}, loadChanges: object = {}): object => ({
  FetchReq: {
    fetchType: 1,
    package: { name: "code", namespace: "default", resourceVersion: "7" },
    url: "",
    storagesvcurl: "",
    filename: "deployarchive",
    secretList: null,
    configMapList: null,
    keeparchive: false,
    ...fetchChanges
  },
  LoadReq: {
    filepath: "/userfunc/deployarchive",
    functionName: "",
    url: "",
    FunctionMetadata: { name: "hello", namespace: "default", uid: "u1", generation: 1 },
    envVersion: 3,
    ...loadChanges
  }
})
