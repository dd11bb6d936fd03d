import { Effect } from "effect"
import { ConfigurationError } from "../Errors.ts"

/**
 * Loads a command that runs the embedded cluster, which is kept apart so that `serve` never reads it. Fails with
 * `ConfigurationError` where it was left out, as in the image.
 */
export const withEmbeddedCluster = <Module>(load: () => Promise<Module>): Effect.Effect<Module, ConfigurationError> =>
  Effect.tryPromise({ try: load, catch: (cause) => cause }).pipe(
    Effect.catch((cause) =>
      isMissingModule(cause)
        ? Effect.fail(
            new ConfigurationError({
              setting: "command",
              detail: "the embedded cluster is not part of this build",
              cause
            })
          )
        : Effect.die(cause)
    )
  )

const isMissingModule = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"
