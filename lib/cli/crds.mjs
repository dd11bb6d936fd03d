import { withEmbeddedCluster } from "./embeddedCluster.mjs";
import { Effect } from "effect";
import { Command } from "effect/cli";
// src/cli/crds.ts
const crds = Command.make("crds", {}, () => Effect.flatMap(withEmbeddedCluster(() => import("./printCrds.mjs")), ({ printCrds }) => printCrds)).pipe(Command.withDescription("Print CustomResourceDefinitions for a cluster without Fission's chart"));
export { crds };
