import { readFileSync, statSync } from "node:fs"
import type { RequestOptions } from "node:https"
import { HttpMethod, KubeConfig, RequestContext } from "@kubernetes/client-node"
import { Clock, Duration, Effect, Semaphore } from "effect"
import { ConfigurationError } from "../Errors.ts"

/** Where to find the API server and who we are: reads it anew each time, so that rotated files are seen. */
export type LoadKubeConfig = Effect.Effect<KubeConfig, ConfigurationError>

/**
 * The first line of what went wrong, without what it quotes: parsers quote the file, or what a credential plugin said, and go
 * on with a picture of it. A token must not get into a log that way.
 */
const problemOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause))
    .split("\n", 1)
    .join()
    .replace(/["!`].*?(?=\s\(\d+:\d+\)|$)/u, "…")

const load = (source: string, read: (config: KubeConfig) => void): LoadKubeConfig =>
  Effect.try({
    try: () => {
      const config = new KubeConfig()
      read(config)
      if (config.getCurrentCluster() === null) throw new Error("it names no cluster for its current context")
      // Plain HTTP has no certificate to verify, which the library wants to be told in so many words.
      config.clusters = config.clusters.map((cluster) =>
        cluster.server.startsWith("http://") ? { ...cluster, skipTLSVerify: true } : cluster
      )
      return config
    },
    catch: (cause) =>
      new ConfigurationError({
        setting: source,
        detail: `cannot be used as a kubeconfig (${problemOf(cause)}); check the path and its content`,
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
      clusters: [{ name: "cluster", server: url.replace(/\/$/u, ""), skipTLSVerify: false }],
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
/** Credentials that could not be read anew are tried again after this. */
const tryAgainAfter = Duration.seconds(5)

/**
 * Keeps credentials fresh: one refresh at a time, at most every 45 s, or at once after a 401. Where they cannot be read
 * anew, those we have are used on, and the trouble is logged.
 */
export interface CredentialStore {
  readonly current: Effect.Effect<Credentials>
  /** Reads everything anew, unless somebody did since `than` was handed out. */
  readonly refreshed: (than: Credentials) => Effect.Effect<Credentials>
}

/** Reads credentials for the first time; fails if they cannot be read. */
export const makeStore = (source: LoadKubeConfig): Effect.Effect<CredentialStore, ConfigurationError> =>
  Effect.gen(function* () {
    const lock = yield* Semaphore.make(1)

    const read = Effect.flatMap(source, (config) =>
      Effect.tryPromise({
        try: () => resolve(config),
        catch: (cause) =>
          new ConfigurationError({
            setting: "credentials",
            detail: `${problemOf(cause)}; check the user of the current context`,
            cause
          })
      })
    )
    const lookAgainAfter = (pause: Duration.Duration) =>
      Effect.map(Clock.monotonicTimeNanos, (now) => now + BigInt(Duration.toMillis(pause)) * 1_000_000n)

    let held = yield* read
    let freshUntil = yield* lookAgainAfter(freshFor)

    const renew = read.pipe(
      Effect.matchEffect({
        onSuccess: (credentials) => {
          held = credentials
          return lookAgainAfter(freshFor)
        },
        onFailure: (error) =>
          Effect.andThen(
            Effect.logWarning("credentials cannot be read anew; those from before are used on").pipe(
              Effect.annotateLogs({ problem: error.message, nextAttemptIn: Duration.format(tryAgainAfter) })
            ),
            lookAgainAfter(tryAgainAfter)
          )
      }),
      Effect.map((until) => {
        freshUntil = until
        return held
      })
    )

    const current = Effect.gen(function* () {
      const asOf = freshUntil
      if ((yield* Clock.monotonicTimeNanos) < asOf) return held
      return yield* lock.withPermit(Effect.suspend(() => (freshUntil === asOf ? renew : Effect.succeed(held))))
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
