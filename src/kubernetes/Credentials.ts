import { readFileSync, statSync } from "node:fs"
import type { RequestOptions } from "node:https"
import { HttpMethod, KubeConfig, RequestContext } from "@kubernetes/client-node"
import { Clock, Duration, Effect, Semaphore } from "effect"
import { ConfigurationError } from "../Errors.ts"

/** Where to find the API server and who we are: reads it anew each time, so that rotated files are seen. */
export type LoadKubeConfig = Effect.Effect<KubeConfig, ConfigurationError>

const load = (source: string, read: (config: KubeConfig) => void): LoadKubeConfig =>
  Effect.try({
    try: () => {
      const config = new KubeConfig()
      read(config)
      if (config.getCurrentCluster() === null) throw new Error("it names no cluster for its current context")
      return config
    },
    catch: (cause) =>
      new ConfigurationError({
        setting: source,
        detail: `cannot be used as a kubeconfig (${cause instanceof Error ? cause.message : String(cause)}); check the path and its content`,
        cause
      })
  })

/** A kubeconfig file. A file that is missing or malformed fails with a `ConfigurationError` that names it. */
export const fromFile = (path: string): LoadKubeConfig =>
  load(`kubeconfig ${path}`, (config) => config.loadFromString(readFileSync(path, "utf8")))

/** A server without credentials, such as the embedded cluster or a proxy on this machine. */
export const fromServer = (url: string): LoadKubeConfig =>
  load(`API server ${url}`, (config) => {
    const { protocol } = new URL(url)
    if (protocol !== "http:" && protocol !== "https:") throw new Error("the URL must begin with http:// or https://")
    config.loadFromOptions({
      clusters: [{ name: "cluster", server: url.replace(/\/$/u, ""), skipTLSVerify: protocol === "http:" }],
      users: [{ name: "user" }],
      contexts: [{ name: "context", cluster: "cluster", user: "user" }],
      currentContext: "context"
    })
  })

/** `$KUBECONFIG`, then `~/.kube/config`, then the service account of the pod that this runs in. */
export const fromDefault: LoadKubeConfig = load("kubeconfig", (config) => {
  const named = process.env["KUBECONFIG"] ?? ""
  for (const path of named.split(":").filter((path) => path !== "")) statSync(path)
  config.loadFromDefault()
})

/** Headers and TLS settings for requests, as of the last refresh. */
export interface Credentials {
  readonly server: string
  readonly headers: { readonly [name: string]: string }
  readonly tls: RequestOptions
  /** Changes when certificates or keys do: connections made with the old ones have to go. */
  readonly tlsVersion: string
}

/** Credentials are looked at again after this; files of a service account rotate about hourly. */
const freshFor = Duration.seconds(45)

/** Keeps credentials fresh: one refresh at a time, at most every 45 s, or at once after a 401. */
export interface CredentialStore {
  readonly current: Effect.Effect<Credentials, ConfigurationError>
  /** Reads everything anew, unless somebody did since `than` was handed out. */
  readonly refreshed: (than: Credentials) => Effect.Effect<Credentials, ConfigurationError>
}

/** Reads credentials for the first time; fails if they cannot be read. */
export const makeStore = (source: LoadKubeConfig): Effect.Effect<CredentialStore, ConfigurationError> =>
  Effect.gen(function* () {
    const lock = yield* Semaphore.make(1)

    const read = Effect.gen(function* () {
      const config = yield* source
      return yield* Effect.tryPromise({
        try: () => resolve(config),
        catch: (cause) =>
          new ConfigurationError({
            setting: "credentials",
            detail: `${cause instanceof Error ? cause.message : String(cause)}; check the user of the current context`,
            cause
          })
      })
    })

    let held = yield* read
    let heldAt = yield* Clock.monotonicTimeNanos

    const renew = Effect.gen(function* () {
      held = yield* read
      heldAt = yield* Clock.monotonicTimeNanos
      return held
    })

    const current = Effect.gen(function* () {
      const age = Duration.nanos((yield* Clock.monotonicTimeNanos) - heldAt)
      if (Duration.isLessThan(age, freshFor)) return held
      const before = held
      return yield* lock.withPermit(Effect.suspend(() => (held === before ? renew : Effect.succeed(held))))
    })

    return {
      current,
      refreshed: (than) => lock.withPermit(Effect.suspend(() => (held === than ? renew : Effect.succeed(held))))
    }
  })

const resolve = async (config: KubeConfig): Promise<Credentials> => {
  const server = config.getCurrentCluster()?.server ?? ""
  const context = new RequestContext(server, HttpMethod.GET)
  await config.applySecurityAuthentication(context)
  const tls: RequestOptions = {}
  await config.applyToHTTPSOptions(tls)
  const headers = Object.entries(context.getHeaders()).map(([name, value]) => [name.toLowerCase(), value.trim()])
  return {
    server,
    headers: Object.fromEntries(headers),
    tls,
    tlsVersion: JSON.stringify([tls.ca, tls.cert, tls.key, tls.servername, tls.rejectUnauthorized].map(String))
  }
}
