import { withEmbeddedCluster } from "../embeddedCluster.mjs";
import { Effect } from "effect";
import { Command } from "effect/cli";
// src/cli/demo/demo.ts
const demo = Command.make("demo", {}, () => Effect.flatMap(withEmbeddedCluster(() => import("./runDemo.mjs")), ({ runDemo }) => runDemo())).pipe(Command.withDescription("A tour of a minute: functions, an API outage in one namespace, recovery"));
export { demo };
