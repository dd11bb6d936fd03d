import { Effect } from "effect"
import { Command } from "effect/cli"
import { withEmbeddedCluster } from "../embeddedCluster.ts"

export const demo = Command.make("demo", {}, () =>
  Effect.flatMap(
    withEmbeddedCluster(() => import("./runDemo.ts")),
    ({ runDemo }) => runDemo()
  )
).pipe(
  Command.withDescription(
    "A tour of a minute: functions, an alias switched under load, an API outage in one namespace, recovery"
  )
)
