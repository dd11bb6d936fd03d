import { quantityOf } from "../fission/Quantity.mjs";
import { withEmbeddedCluster } from "./embeddedCluster.mjs";
import { clusterFlags } from "./serve.mjs";
import { Effect } from "effect";
import { Command, Flag } from "effect/cli";
// src/cli/dev.ts
const portFlag = (name, description, fallback) => Flag.Int(name).pipe(Flag.withMetavar("port"), Flag.withDescription(description), Flag.withDefault(fallback));
const nodeFlag = (resource) => Flag.String(`node-${resource}`).pipe(Flag.withMetavar("quantity"), Flag.withDescription(`${resource} that the node has for pods, such as 4 or 8Gi; default more than enough`), Flag.filter((text) => quantityOf(text) !== void 0, (text) => `"${text}" is no quantity`), Flag.optional);
const flags = {
	...clusterFlags,
	clusterOnly: Flag.Boolean("cluster-only").pipe(Flag.withDescription("only the cluster and the router; run `serve` beside them"), Flag.withDefault(false)),
	apply: Flag.String("apply").pipe(Flag.withMetavar("path"), Flag.withDescription("manifest, or folder of manifests, to apply and follow; default the samples"), Flag.optional),
	namespaces: Flag.String("namespaces").pipe(Flag.withMetavar("names"), Flag.withDescription("namespaces of functions, with commas in between"), Flag.withDefault("default")),
	nodePods: nodeFlag("pods"),
	nodeCpu: nodeFlag("cpu"),
	nodeMemory: nodeFlag("memory"),
	endpointSlices: Flag.Boolean("endpoint-slices").pipe(Flag.withDescription("functions have Services, and the router looks for pods in their EndpointSlices first"), Flag.withDefault(false)),
	clusterPort: portFlag("cluster-port", "port of the embedded API server", 6440),
	executorPort: portFlag("executorPort", "port of the executor's API", 8888),
	routerPort: portFlag("router-port", "port of the router", 8080),
	metricsPort: portFlag("metrics-port", "port of the executor's metrics and debug pages", 8081)
};
/** The command `dev` with an executor that has these add-ons. */
const makeDev = (addOns) => Command.make("dev", flags, (options) => Effect.flatMap(withEmbeddedCluster(() => import("./runDev.mjs")), ({ runDev }) => runDev(options, addOns))).pipe(Command.withDescription("Run an embedded cluster with functions, the executor and a router"));
export { makeDev };
