import { Effect, Layer, Metric, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { ExecutorApi } from "../api/ExecutorApi.ts"
import { Settings } from "../Config.ts"
import * as Executor from "../Executor.ts"
import * as Credentials from "../kubernetes/Credentials.ts"
import * as Logging from "./Logging.ts"
import { version } from "./version.ts"

/** Flags that say where the API server is. */
export const clusterFlags = {
  kubeconfig: Flag.String("kubeconfig").pipe(
    Flag.withMetavar("file"),
    Flag.withDescription("kubeconfig file; default $KUBECONFIG, ~/.kube/config, then the pod's service account"),
    Flag.optional
  ),
  apiServer: Flag.String("api-server").pipe(
    Flag.withMetavar("url"),
    Flag.withDescription("API server that asks for no credentials, such as the one of `dev --cluster-only`"),
    Flag.optional
  )
}

/** Where the flags say that the API server is; the kubeconfig wins over the URL. */
export const kubeConfigOf = (flags: {
  readonly kubeconfig: Option.Option<string>
  readonly apiServer: Option.Option<string>
}): Credentials.LoadKubeConfig => {
  if (Option.isSome(flags.kubeconfig)) return Credentials.fromFile(flags.kubeconfig.value)
  return Option.isSome(flags.apiServer) ? Credentials.fromServer(flags.apiServer.value) : Credentials.fromDefault
}

/** Flags of `serve`, and of the command without a subcommand, which is how the chart starts it. */
export const serveFlags = {
  ...clusterFlags,
  port: Flag.Int("executorPort").pipe(
    Flag.withMetavar("port"),
    Flag.withDescription("port of the API for the router"),
    Flag.withDefault(8888)
  ),
  host: Flag.String("host").pipe(
    Flag.withMetavar("address"),
    Flag.withDescription("address to listen on; default every address, IPv4 and IPv6"),
    Flag.optional
  )
}

/** What a start says about itself, and about settings that it could not use. */
const announced = Layer.effectDiscard(
  Effect.gen(function* () {
    const { port } = yield* ExecutorApi
    const settings = yield* Settings
    for (const { setting, used, value } of settings.invalid) {
      yield* Effect.logWarning("a setting cannot be used and has its default instead", { setting, value, used })
      yield* Metric.update(Metric.withAttributes(invalidSettings, { name: setting }), 1)
    }
    yield* Metric.update(Metric.withAttributes(buildInfo, { version, runtime: `node ${process.versions.node}` }), 1)
    yield* Effect.logInfo("executor listens").pipe(
      Effect.annotateLogs({ port, namespaces: settings.namespaces.join(","), version })
    )
  })
)

const invalidSettings = Metric.counter("fission_executor_config_invalid_total", {
  description: "Settings whose value could not be used and was replaced by the default",
  incremental: true
})
const buildInfo = Metric.gauge("fission_executor_build_info", {
  description: "1 for the version of the executor and the runtime that it runs on"
})

/** Runs the executor until it is interrupted. */
const runServe = Effect.fnUntraced(function* (
  flags: Command.Command.Config.Infer<typeof serveFlags>,
  addOns: Executor.AddOn
) {
  const executor = Executor.layer({
    kubeConfig: kubeConfigOf(flags),
    userAgent: `fission-executor/${version}`,
    host: Option.getOrUndefined(flags.host),
    port: flags.port,
    metrics: true,
    addOns
  })
  return yield* Layer.launch(
    announced.pipe(
      Layer.provide(executor),
      Layer.provide(Logging.layerFromSettings),
      Layer.provide(Settings.layer(process.env))
    )
  )
})

/** The command `serve` of an executor with these add-ons, and what it runs. */
export const makeServe = (addOns: Executor.AddOn) => {
  const run = (flags: Command.Command.Config.Infer<typeof serveFlags>) => runServe(flags, addOns)
  const serve = Command.make("serve", serveFlags, run).pipe(
    Command.withDescription("Run the executor (what starting it without a subcommand does)")
  )
  return { runServe: run, serve }
}
