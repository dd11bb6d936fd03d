import { layer } from "../../kubernetes/KubernetesApiLive.mjs";
import { clusterFlags, kubeConfigOf } from "../serve.mjs";
import { version } from "../version.mjs";
import { adoptOrphan } from "./adoptOrphan.mjs";
import { deleteOrphan } from "./deleteOrphan.mjs";
import { listOrphans } from "./listOrphans.mjs";
import { ownerFlagged } from "./Target.mjs";
import { Effect, Option } from "effect";
import { Argument, Command, Flag } from "effect/cli";
// src/cli/orphans/orphans.ts
/** The kinds as the page writes them, and as people type them. */
const kindArgument = Argument.ChoiceWithValue("kind", [
	"Deployment",
	"Service",
	"Pod",
	"HorizontalPodAutoscaler"
].flatMap((kind) => [[kind, kind], [kind.toLowerCase(), kind]]));
const ownerFlag = (name) => Flag.String(name).pipe(Flag.withMetavar("[namespace/]name"), Flag.withDescription(`the ${name} whose name the object has, where its labels do not say it`), Flag.optional);
const targetFlags = {
	...clusterFlags,
	function: ownerFlag("function"),
	environment: ownerFlag("environment"),
	namespace: Argument.String("namespace"),
	kind: kindArgument,
	name: Argument.String("name")
};
const targetOf = (flags) => ({
	kind: flags.kind,
	namespace: flags.namespace,
	name: flags.name,
	owner: ownerFlagged(flags.namespace, flags)
});
/** The API server with the rights of whoever runs the command: the executor needs none for it. */
const asCaller = (flags) => layer(kubeConfigOf(flags), `fission-executor-cli/${version}`);
const list = Command.make("list", {
	metrics: Flag.String("metrics").pipe(Flag.withMetavar("url"), Flag.withDescription("the executor's metrics port, such as one forwarded by kubectl"), Flag.withDefault("http://127.0.0.1:8080")),
	namespace: Argument.String("namespace").pipe(Argument.optional)
}, ({ metrics, namespace }) => listOrphans(metrics, Option.getOrUndefined(namespace))).pipe(Command.withDescription("List the objects that belong to nobody, with the reason"));
const adopt = Command.make("adopt", targetFlags, (flags) => Effect.provide(adoptOrphan(targetOf(flags)), asCaller(flags))).pipe(Command.withDescription("Give an object the labels of its Function or Environment"));
const yes = Flag.Boolean("yes").pipe(Flag.withDescription("do not ask"), Flag.withDefault(false));
const remove = Command.make("delete", {
	...targetFlags,
	yes
}, (flags) => Effect.provide(deleteOrphan(targetOf(flags), flags.yes), asCaller(flags))).pipe(Command.withDescription("Delete one object that has no owner, after showing it"));
const orphans = Command.make("orphans").pipe(Command.withDescription("See and settle what belongs to nobody"), Command.withSubcommands([
	list,
	adopt,
	remove
]));
export { orphans };
