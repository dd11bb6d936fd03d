import { ConfigurationError } from "../Errors.mjs";
import { Effect } from "effect";
// src/cli/embeddedCluster.ts
/**
* Loads a command that runs the embedded cluster, which is kept apart so that `serve` never reads it. Fails with
* `ConfigurationError` where it was left out, as in the image.
*/
const withEmbeddedCluster = (load) => Effect.tryPromise({
	try: load,
	catch: (cause) => cause
}).pipe(Effect.catch((cause) => isMissingModule(cause) ? Effect.fail(new ConfigurationError({
	setting: "command",
	detail: "the embedded cluster is not part of this build",
	cause
})) : Effect.die(cause)));
const isMissingModule = (cause) => cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND";
export { withEmbeddedCluster };
