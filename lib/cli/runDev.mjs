import { Settings } from "../Config.mjs";
import { ApiServer } from "../devcluster/ApiServer.mjs";
import { furnish, layer, nodeComponents as nodeComponents$1 } from "../devcluster/DevCluster.mjs";
import { plenty } from "../devcluster/kubelet/Capacity.mjs";
import { apply, follow } from "../devcluster/Manifests.mjs";
import { PodLogs } from "../devcluster/PodLogs.mjs";
import { Router } from "../devcluster/Router.mjs";
import { layer as layer$1 } from "../Executor.mjs";
import { fromServer, makeStore } from "../kubernetes/Credentials.mjs";
import { layer as layer$2 } from "../kubernetes/KubernetesApiLive.mjs";
import { formFor, layer as layer$3 } from "./Logging.mjs";
import { kubeConfigOf } from "./serve.mjs";
import { version } from "./version.mjs";
import { Console, Effect, Layer, Option } from "effect";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
// src/cli/runDev.ts
const host = "127.0.0.1";
const samples = fileURLToPath(new URL("../../deploy/samples", import.meta.url));
const userAgent = `fission-executor-dev/${version}`;
/** A file for others to read, gone when the scope closes. */
const temporaryFile = (name, text) => Effect.acquireRelease(Effect.promise(() => mkdtemp(join(tmpdir(), "fission-executor-"))), (folder) => Effect.promise(() => rm(folder, {
	recursive: true,
	force: true
}))).pipe(Effect.map((folder) => join(folder, name)), Effect.tap((file) => Effect.promise(() => writeFile(file, text, { mode: 384 }))));
const capacityOf = ({ nodeCpu, nodeMemory, nodePods }) => ({
	pods: Option.getOrElse(nodePods, () => plenty.pods),
	cpu: Option.getOrElse(nodeCpu, () => plenty.cpu),
	memory: Option.getOrElse(nodeMemory, () => plenty.memory)
});
/** Controllers and kubelet on an API server that runs elsewhere, with the credentials that its clients here have. */
const nodeComponents = (kubeConfig, namespaces, capacity) => Layer.unwrap(Effect.gen(function* () {
	const { headers, server, tls } = yield* (yield* makeStore(kubeConfig)).current;
	const token = headers["authorization"]?.replace(/^Bearer /u, "");
	const authorities = [tls.ca ?? []].flat().join("\n");
	const apiServer = {
		url: server,
		token,
		certificateAuthority: authorities === "" ? void 0 : yield* temporaryFile("ca.crt", authorities)
	};
	yield* furnish(namespaces);
	return nodeComponents$1({
		apiServer,
		capacity
	});
})).pipe(Layer.provide([layer$2(kubeConfig, userAgent), PodLogs.layer]));
const executorLayer = (options, addOns, namespaces, kubeConfig) => layer$1({
	kubeConfig,
	userAgent: `fission-executor/${version}`,
	host,
	port: options.executorPort,
	metrics: true,
	addOns
}).pipe(Layer.provide(Settings.layer({
	FINALIZER_ENABLED: "true",
	...process.env,
	...options.endpointSlices ? { ENABLE_FUNCTION_SERVICES: "true" } : {},
	FISSION_RESOURCE_NAMESPACES: namespaces.join(","),
	METRICS_ADDR: `${host}:${options.metricsPort}`
})));
/** Everything in front of a cluster that runs: the manifests, the executor unless somebody else runs it, the router. */
const runBeside = Effect.fnUntraced(function* (options, addOns, namespaces, { about, flag, kubeConfig }) {
	const executorUrl = `http://${host}:${options.executorPort}`;
	const serve = `serve ${flag} --host ${host} --executorPort ${options.executorPort}`;
	const { endpointSlices } = options;
	const router = Router.layer({
		host,
		port: options.routerPort,
		executorUrl,
		namespaces,
		endpointSlices
	});
	const variables = [`FISSION_RESOURCE_NAMESPACES=${namespaces.join(",")}`, ...endpointSlices ? ["ENABLE_FUNCTION_SERVICES=true"] : []].join(" ");
	const executor = options.clusterOnly ? Layer.empty : executorLayer(options, addOns, namespaces, kubeConfig);
	return yield* Effect.gen(function* () {
		const manifests = Option.getOrElse(options.apply, () => samples);
		const { created, unchanged, updated } = yield* apply(manifests);
		const { url } = yield* Router;
		const functions = [
			...created,
			...updated,
			...unchanged
		].flatMap((name) => {
			const [kind, key = ""] = name.split(" ");
			return kind === "Function" ? [key.replace(/^default\//u, "")] : [];
		});
		const lines = [
			...about,
			["executor", executorUrl],
			options.clusterOnly ? ["start it", `${variables} fission-executor ${serve}`] : ["metrics", `http://${host}:${options.metricsPort}/metrics, /debug/namespaces`],
			["router", url],
			...functions.map((name) => ["try", `curl ${url.replace("http://", "")}/fission-function/${name}`])
		];
		yield* Console.log(`\n${lines.map(([name = "", value]) => `  ${name.padEnd(12)}${value}`).join("\n")}\n`);
		return yield* follow(manifests);
	}).pipe(Effect.provide(router.pipe(Layer.provide(executor), Layer.provideMerge(layer$2(kubeConfig, userAgent)))));
});
/** Runs everything in one process until it is interrupted. */
const runDev = Effect.fnUntraced(function* (options, addOns) {
	const namespaces = options.namespaces.split(",").map((name) => name.trim());
	const logging = layer$3(formFor(process.stdout));
	if (Option.isSome(options.apiServer) || Option.isSome(options.kubeconfig)) {
		const kubeConfig = kubeConfigOf(options);
		const flag = Option.match(options.kubeconfig, {
			onSome: (file) => `--kubeconfig ${file}`,
			onNone: () => `--api-server ${Option.getOrElse(options.apiServer, () => "")}`
		});
		return yield* runBeside(options, addOns, namespaces, {
			kubeConfig,
			flag,
			about: []
		}).pipe(Effect.provide(nodeComponents(kubeConfig, namespaces, capacityOf(options))), Effect.provide(logging));
	}
	const embedded = Effect.gen(function* () {
		const server = yield* ApiServer;
		const kubeconfig = yield* temporaryFile("kubeconfig", server.kubeconfig);
		return yield* runBeside(options, addOns, namespaces, {
			kubeConfig: fromServer(server.url),
			flag: `--api-server ${server.url}`,
			about: [["API server", `${server.url} (faults: POST ${server.url}/faults)`], ["kubectl", `export KUBECONFIG=${kubeconfig}`]]
		});
	});
	return yield* Effect.scoped(embedded).pipe(Effect.provide(layer({
		host,
		port: options.clusterPort,
		namespaces,
		capacity: capacityOf(options)
	})), Effect.provide(logging));
});
export { runDev };
