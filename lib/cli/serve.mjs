import { ExecutorApi } from "../api/ExecutorApi.mjs";
import { Settings } from "../Config.mjs";
import { layer } from "../Executor.mjs";
import { fromDefault, fromFile, fromServer } from "../kubernetes/Credentials.mjs";
import { formFor, layer as layer$1 } from "./Logging.mjs";
import { version } from "./version.mjs";
import { Effect, Layer, Option } from "effect";
import { Command, Flag } from "effect/cli";
// src/cli/serve.ts
/** Flags that say where the API server is. */
const clusterFlags = {
	kubeconfig: Flag.String("kubeconfig").pipe(Flag.withMetavar("file"), Flag.withDescription("kubeconfig file; default $KUBECONFIG, ~/.kube/config, then the pod's service account"), Flag.optional),
	apiServer: Flag.String("api-server").pipe(Flag.withMetavar("url"), Flag.withDescription("API server that asks for no credentials, such as the one of `dev --cluster-only`"), Flag.optional)
};
/** Where the flags say that the API server is; the kubeconfig wins over the URL. */
const kubeConfigOf = (flags) => {
	if (Option.isSome(flags.kubeconfig)) return fromFile(flags.kubeconfig.value);
	return Option.isSome(flags.apiServer) ? fromServer(flags.apiServer.value) : fromDefault;
};
/** Flags of `serve`, and of the command without a subcommand, which is how the chart starts it. */
const serveFlags = {
	...clusterFlags,
	port: Flag.Int("executorPort").pipe(Flag.withMetavar("port"), Flag.withDescription("port of the API for the router"), Flag.withDefault(8888)),
	host: Flag.String("host").pipe(Flag.withMetavar("address"), Flag.withDescription("address to listen on; default every address, IPv4 and IPv6"), Flag.optional)
};
/** What a start says about itself, and about settings that it could not use. */
const announced = Layer.effectDiscard(Effect.gen(function* () {
	const { port } = yield* ExecutorApi;
	const settings = yield* Settings;
	for (const { setting, used, value } of settings.invalid) yield* Effect.logWarning("a setting cannot be used and has its default instead", {
		setting,
		value,
		used
	});
	yield* Effect.logInfo("executor listens").pipe(Effect.annotateLogs({
		port,
		namespaces: settings.namespaces.join(","),
		version
	}));
}));
/** Runs the executor until it is interrupted. */
const runServe = Effect.fnUntraced(function* (flags, addOns) {
	const executor = layer({
		kubeConfig: kubeConfigOf(flags),
		userAgent: `fission-executor/${version}`,
		host: Option.getOrUndefined(flags.host),
		port: flags.port,
		metrics: true,
		addOns
	});
	return yield* Layer.launch(announced.pipe(Layer.provide(executor), Layer.provide(Settings.layer(process.env)))).pipe(Effect.provide(layer$1(formFor(process.stdout))));
});
/** The command `serve` of an executor with these add-ons, and what it runs. */
const makeServe = (addOns) => {
	const run = (flags) => runServe(flags, addOns);
	return {
		runServe: run,
		serve: Command.make("serve", serveFlags, run).pipe(Command.withDescription("Run the executor (what starting it without a subcommand does)"))
	};
};
export { clusterFlags, kubeConfigOf, makeServe, serveFlags };
