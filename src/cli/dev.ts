import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import type { AddOn } from "../Executor.ts"
import { quantityOf } from "../fission/Quantity.ts"
import { withEmbeddedCluster } from "./embeddedCluster.ts"
import { clusterFlags } from "./serve.ts"

const portFlag = (name: string, description: string, fallback: number) =>
  Flag.Int(name).pipe(Flag.withMetavar("port"), Flag.withDescription(description), Flag.withDefault(fallback))

const nodeFlag = (resource: string) =>
  Flag.String(`node-${resource}`).pipe(
    Flag.withMetavar("quantity"),
    Flag.withDescription(`${resource} that the node has for pods, such as 4 or 8Gi; default more than enough`),
    Flag.filter(
      (text) => quantityOf(text) !== undefined,
      (text) => `"${text}" is no quantity`
    ),
    Flag.optional
  )

const flags = {
  ...clusterFlags,
  clusterOnly: Flag.Boolean("cluster-only").pipe(
    Flag.withDescription("only the cluster and the router; run `serve` beside them"),
    Flag.withDefault(false)
  ),
  apply: Flag.String("apply").pipe(
    Flag.withMetavar("path"),
    Flag.withDescription("manifest, or folder of manifests, to apply and follow; default the samples"),
    Flag.optional
  ),
  namespaces: Flag.String("namespaces").pipe(
    Flag.withMetavar("names"),
    Flag.withDescription("namespaces of functions, with commas in between"),
    Flag.withDefault("default")
  ),
  nodePods: nodeFlag("pods"),
  nodeCpu: nodeFlag("cpu"),
  nodeMemory: nodeFlag("memory"),
  images: Flag.String("images").pipe(
    Flag.withMetavar("path"),
    Flag.withDescription("OCI image layout with the images of OCI packages, in place of registries"),
    Flag.optional
  ),
  endpointSlices: Flag.Boolean("endpoint-slices").pipe(
    Flag.withDescription("functions have Services, and the router looks for pods in their EndpointSlices first"),
    Flag.withDefault(false)
  ),
  clusterPort: portFlag("cluster-port", "port of the embedded API server", 6440),
  executorPort: portFlag("executorPort", "port of the executor's API", 8888),
  routerPort: portFlag("router-port", "port of the router", 8080),
  metricsPort: portFlag("metrics-port", "port of the executor's metrics and debug pages", 8081)
}

/** What the command line of `dev` says. */
export type DevFlags = Command.Command.Config.Infer<typeof flags>

/** The command `dev` with an executor that has these add-ons. */
export const makeDev = (addOns: AddOn) =>
  Command.make("dev", flags, (options) =>
    Effect.flatMap(
      withEmbeddedCluster(() => import("./runDev.ts")),
      ({ runDev }) => runDev(options, addOns)
    )
  ).pipe(Command.withDescription("Run an embedded cluster with functions, the executor and a router"))
