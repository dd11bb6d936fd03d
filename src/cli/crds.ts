import { Effect } from "effect"
import { Command } from "effect/cli"
import { withEmbeddedCluster } from "./embeddedCluster.ts"

export const crds = Command.make("crds", {}, () =>
  Effect.flatMap(
    withEmbeddedCluster(() => import("./printCrds.ts")),
    ({ printCrds }) => printCrds
  )
).pipe(Command.withDescription("Print CustomResourceDefinitions for a cluster without Fission's chart"))
