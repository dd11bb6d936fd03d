import { readFileSync } from "node:fs"
import { describe, layer, type Vitest } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Agent, request } from "undici"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import { Faults } from "../../src/devcluster/Faults.ts"
import { Namespaces, ServiceAccounts } from "../../src/devcluster/Kinds.ts"
import { PodLogs } from "../../src/devcluster/PodLogs.ts"
import type { ResourceKind } from "../../src/fission/ResourceKind.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import { KubernetesApi, type KubernetesDeletion, type KubernetesObject } from "../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"
import { assets, RealServer, tokens } from "./RealServer.ts"

/** A request as any client may send it. */
export interface RawRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS"
  readonly path: string
  readonly body?: unknown
  /** Empty: none is sent. */
  readonly contentType?: string
  readonly accept?: string
  /** Who asks; default the administrator. */
  readonly token?: string
}

/** A whole answer; `json` is undefined when it is none. */
export interface RawAnswer {
  readonly status: number
  readonly headers: { readonly [name: string]: string | ReadonlyArray<string> | undefined }
  readonly text: string
  readonly json: unknown
}

/** The API server that a contract is about. */
export class ServerUnderTest extends Context.Service<
  ServerUnderTest,
  {
    readonly name: "embedded" | "real"
    readonly url: string
    readonly kubeConfig: Credentials.LoadKubeConfig
    readonly send: (request: RawRequest) => Effect.Effect<RawAnswer>
    /** The lines of a watch until the server ends it. */
    readonly lines: (path: string, accept?: string) => Effect.Effect<ReadonlyArray<unknown>>
    /** Forgets the history before now. */
    readonly compact: Effect.Effect<void>
  }
>()("test/contract/ServerUnderTest") {}

/** What a test of the contract can use. `Faults` are those of the embedded server and meet no other. */
export type Contract = ServerUnderTest | KubernetesApi | KubernetesDeletion | Faults

const senderOf = (url: string, dispatcher: Agent | undefined) => {
  const answered = ({ accept = "application/json", body, contentType, method, path, token }: RawRequest) =>
    Effect.promise(async (signal): Promise<RawAnswer> => {
      const type = contentType ?? "application/json"
      const answer = await request(`${url}${path}`, {
        method: method ?? "GET",
        signal,
        ...(dispatcher === undefined ? {} : { dispatcher }),
        headers: {
          accept,
          authorization: `Bearer ${token ?? tokens.admin}`,
          ...(body === undefined || type === "" ? {} : { "content-type": type })
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
      })
      const text = await answer.body.text()
      const isDocument = answer.headers["content-type"] === "application/json"
      return {
        status: answer.statusCode,
        headers: answer.headers,
        text,
        json: isDocument && text !== "" && !text.includes("\n{") ? JSON.parse(text) : undefined
      }
    })
  return {
    send: answered,
    lines: (path: string, accept?: string) =>
      Effect.map(answered({ path, ...(accept === undefined ? {} : { accept }) }), ({ text }) =>
        text
          .split("\n")
          .filter((line) => line !== "")
          .map((line): unknown => JSON.parse(line))
      )
  }
}

/** A namespace with the ServiceAccount that its pods need. Repeatable. */
export const furnish = (name: string) =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const ensure = (kind: ResourceKind, metadata: KubernetesObject["metadata"]) =>
      api.create(kind, { metadata }).pipe(Effect.catchTag("KubernetesAlreadyExists", () => Effect.void))
    yield* ensure(Namespaces, { name })
    yield* ensure(ServiceAccounts, { namespace: name, name: "default" })
    return name
  })

/** Adds both doors of a client, and furnishes the namespace `default`. */
const withClients = <E, R>(server: Layer.Layer<ServerUnderTest, E, R>) =>
  Layer.effectDiscard(furnish("default")).pipe(
    Layer.provideMerge(
      Layer.unwrap(Effect.map(ServerUnderTest, ({ kubeConfig }) => KubernetesApiLive.layer(kubeConfig, "contract")))
    ),
    Layer.provideMerge(server)
  )

const embedded: Layer.Layer<Contract> = Layer.effect(
  ServerUnderTest,
  Effect.map(ApiServer, ({ store, url }) =>
    ServerUnderTest.of({
      name: "embedded",
      url,
      kubeConfig: Credentials.fromServer(url),
      compact: Effect.sync(() => store.compact()),
      ...senderOf(url, undefined)
    })
  )
).pipe(
  withClients,
  Layer.provide(ApiServer.layer({ host: "127.0.0.1", port: 0 })),
  Layer.provideMerge(Layer.merge(Faults.layer, PodLogs.layer)),
  Layer.orDie
)

const real = (folder: string): Layer.Layer<Contract> =>
  Layer.effect(
    ServerUnderTest,
    Effect.gen(function* () {
      const { certificateAuthority, compact, kubeconfigs, url } = yield* RealServer
      const agent = yield* Effect.acquireRelease(
        Effect.sync(() => new Agent({ connect: { ca: readFileSync(certificateAuthority) } })),
        (agent) => Effect.promise(() => agent.destroy())
      )
      const kubeConfig = Credentials.fromFile(kubeconfigs.admin)
      return ServerUnderTest.of({ name: "real", url, kubeConfig, compact, ...senderOf(url, agent) })
    })
  ).pipe(withClients, Layer.provide(RealServer.layer(folder)), Layer.provideMerge(Faults.layer), Layer.orDie)

type Tests = (it: Vitest.MethodsNonLive<Contract>) => void

const options = { excludeTestServices: true, timeout: "90 seconds" } as const

/** Runs tests against the embedded server, of what is its own. */
export const embeddedContract = (name: string, tests: Tests): void => {
  describe("the embedded API server", () => layer(embedded, options)(name, tests))
}

/** Runs the same tests against the embedded server and, where there is one, against a real one. */
export const contract = (name: string, tests: Tests): void => {
  embeddedContract(name, tests)
  describe.skipIf(assets === undefined)("the real API server", () => layer(real(assets ?? ""), options)(name, tests))
}
