import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Effect, Exit, Layer, Option, type Runtime } from "effect"
import { CliError, CliOutput, Command } from "effect/cli"
import type { AddOn } from "../Executor.ts"
import { crds } from "./crds.ts"
import { demo } from "./demo/demo.ts"
import { makeDev } from "./dev.ts"
import * as Logging from "./Logging.ts"
import { orphans } from "./orphans/orphans.ts"
import { Refusal, refuse } from "./Refusal.ts"
import { exitOnSecondSignal } from "./SecondSignal.ts"
import { makeServe, serveFlags } from "./serve.ts"
import { version, versionCommand } from "./version.ts"

const exitCodes = { configuration: 1, usage: 2 }

const makeCommand = (addOns: AddOn) => {
  const { runServe, serve } = makeServe(addOns)
  return Command.make("fission-executor", serveFlags, runServe).pipe(
    Command.withDescription("Fission executor. Without a subcommand it serves."),
    Command.withSubcommands([serve, makeDev(addOns), demo, orphans, crds, versionCommand])
  )
}

const usage = (error: CliError.CliError): Effect.Effect<void, Refusal> => {
  const problems = error._tag === "ShowHelp" ? error.errors.map((problem) => problem.message) : [error.message]
  if (problems.length === 0) return Effect.void
  return refuse(`${problems.join("; ").replaceAll(/\s*\n\s*/gu, " ")} (see --help)`, exitCodes.usage)
}

/** A wrong command line gets its one line from `usage`, not the whole help. */
const presenter = CliOutput.layerPresenter({
  present: (event) => (event._tag === "InvalidInvocation" ? Effect.void : CliOutput.defaultPresenter.present(event))
})

/** An orderly stop by a signal is a success: Kubernetes would show another code as an error. */
const codeOf = (cause: Cause.Cause<unknown>): number => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (error instanceof Refusal) return error.exitCode
  return Cause.hasInterruptsOnly(cause) ? 0 : 1
}

const teardown: Runtime.Teardown = (exit, onExit) => onExit(Exit.isSuccess(exit) ? 0 : codeOf(exit.cause))

/** A disk that is full, or a reader that has gone away, costs lines of the log and not the process. */
const goOnWithoutOutput = (): void => {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
}

/**
 * Runs the command line of `fission-executor` as the program of this process, which ends with it: exit code 0 after a
 * signal, 1 for wrong configuration, 2 for a wrong command line. Call once. The add-ons are part of `serve` and `dev`.
 */
export const runCommandLine = (addOns: AddOn = Layer.empty): void => {
  Effect.runFork(exitOnSecondSignal)
  goOnWithoutOutput()

  Command.runWith(makeCommand(addOns), { version })(process.argv.slice(2)).pipe(
    Effect.catch((error) => {
      if (error._tag === "Refusal") return Effect.fail(error)
      return CliError.isCliError(error) ? usage(error) : refuse(error.message, exitCodes.configuration)
    }),
    Effect.tapCause((cause) =>
      Cause.hasDies(cause)
        ? Effect.logFatal("the executor ended in a bug; please report it", cause).pipe(
            Effect.provide(Logging.layer(Logging.formFor(process.stdout)))
          )
        : Effect.void
    ),
    Effect.provide([NodeServices.layer, presenter]),
    NodeRuntime.runMain({ disableErrorReporting: true, teardown })
  )
}
