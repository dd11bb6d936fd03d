import { Context, type Duration, Effect, Layer, Logger, type LogLevel, type Scope } from "effect"
import { ExecutorApi } from "../../src/api/ExecutorApi.ts"
import { Settings } from "../../src/Config.ts"
import type { ConfigurationError } from "../../src/Errors.ts"
import { Dispatcher } from "../../src/executors/Dispatcher.ts"
import { type ChannelKey, channelKey, signedHeaders } from "../../src/fission/RequestSignature.ts"
import { Leadership } from "../../src/safeguards/Leadership.ts"
import type { HttpCall } from "./HttpExchange.ts"

/** A dispatcher that is ready and whose other members are bugs unless given. */
export const dispatcherOf = (members: Partial<Dispatcher["Service"]>): Dispatcher["Service"] => {
  const unexpected = (member: string) => () => Effect.die(new Error(`nobody expected a call of ${member}`))
  return Dispatcher.of({
    getService: unexpected("getService"),
    addressInView: () => Effect.undefined,
    ensureCapacity: unexpected("ensureCapacity"),
    tap: unexpected("tap"),
    unTap: unexpected("unTap"),
    debugInfo: Effect.succeed(""),
    ready: Effect.succeed(true),
    missingDefinitions: () => [],
    stopCreating: () => {},
    ...members
  })
}

/** Starts the API on a free port of 127.0.0.1; it stops with the scope. */
export const startApi = (
  dispatcher: Dispatcher["Service"],
  variables: { readonly [name: string]: string } = {},
  options: { readonly port?: number; readonly receiveWithin?: Duration.Duration } = {},
  leadership: Layer.Layer<Leadership> = Leadership.layerAlways
): Effect.Effect<number, ConfigurationError, Scope.Scope> =>
  Layer.build(
    ExecutorApi.layer({ host: "127.0.0.1", port: 0, ...options }).pipe(
      Layer.provide([Settings.layer(variables), Layer.succeed(Dispatcher, dispatcher), leadership])
    )
  ).pipe(Effect.map((context) => Context.get(context, ExecutorApi).port))

/** A Function as the router posts it. */
export const functionBody = (changes: { readonly uid?: string; readonly type?: string } = {}): string =>
  JSON.stringify({
    kind: "Function",
    apiVersion: "fission.io/v1",
    metadata: { name: "hello", namespace: "default", uid: changes.uid ?? "uid-1", generation: 3 },
    spec: {
      environment: { namespace: "default", name: "nodejs" },
      InvokeStrategy: { ExecutionStrategy: { ExecutorType: changes.type ?? "poolmgr" }, StrategyType: "execution" }
    },
    status: {}
  })

/** A POST of a body. */
export const post = (path: string, body: string): HttpCall => ({ method: "POST", path, body })

/** The call with the headers of a signature. */
export const signed = (key: ChannelKey | string, unixSeconds: number, call: HttpCall): HttpCall => ({
  ...call,
  headers: {
    ...call.headers,
    ...signedHeaders(
      typeof key === "string" ? channelKey(key, "executor") : key,
      { method: call.method ?? "GET", target: call.path, body: call.body ?? "" },
      unixSeconds
    )
  }
})

/** A logger that keeps the level of each line. */
export const recordLevels = (levels: Array<LogLevel.LogLevel>) =>
  Logger.layer([Logger.make<unknown, void>(({ logLevel }) => void levels.push(logLevel))])
