import { crds } from "./crds.mjs";
import { demo } from "./demo/demo.mjs";
import { makeDev } from "./dev.mjs";
import { orphans } from "./orphans/orphans.mjs";
import { Refusal, refuse } from "./Refusal.mjs";
import { exitOnSecondSignal } from "./SecondSignal.mjs";
import { makeServe, serveFlags } from "./serve.mjs";
import { version, versionCommand } from "./version.mjs";
import * as NodeRuntime from "@effect/platform-node/NodeRuntime";
import * as NodeServices from "@effect/platform-node/NodeServices";
import { Cause, Effect, Exit, Layer, Option } from "effect";
import { CliError, CliOutput, Command } from "effect/cli";
// src/cli/CommandLine.ts
const exitCodes = {
	configuration: 1,
	usage: 2
};
const makeCommand = (addOns) => {
	const { runServe, serve } = makeServe(addOns);
	return Command.make("fission-executor", serveFlags, runServe).pipe(Command.withDescription("Fission executor. Without a subcommand it serves."), Command.withSubcommands([
		serve,
		makeDev(addOns),
		demo,
		orphans,
		crds,
		versionCommand
	]));
};
const usage = (error) => {
	const problems = error._tag === "ShowHelp" ? error.errors.map((problem) => problem.message) : [error.message];
	if (problems.length === 0) return Effect.void;
	return refuse(`${problems.join("; ").replaceAll(/\s*\n\s*/gu, " ")} (see --help)`, exitCodes.usage);
};
/** A wrong command line gets its one line from `usage`, not the whole help. */
const presenter = CliOutput.layerPresenter({ present: (event) => event._tag === "InvalidInvocation" ? Effect.void : CliOutput.defaultPresenter.present(event) });
/** An orderly stop by a signal is a success: Kubernetes would show another code as an error. */
const codeOf = (cause) => {
	const error = Option.getOrUndefined(Cause.findErrorOption(cause));
	if (error instanceof Refusal) return error.exitCode;
	return Cause.hasInterruptsOnly(cause) ? 0 : 1;
};
const teardown = (exit, onExit) => onExit(Exit.isSuccess(exit) ? 0 : codeOf(exit.cause));
/**
* Runs the command line of `fission-executor` as the program of this process, which ends with it: exit code 0 after a
* signal, 1 for wrong configuration, 2 for a wrong command line. Call once. The add-ons are part of `serve` and `dev`.
*/
const runCommandLine = (addOns = Layer.empty) => {
	Effect.runFork(exitOnSecondSignal);
	Command.runWith(makeCommand(addOns), { version })(process.argv.slice(2)).pipe(Effect.catch((error) => {
		if (error._tag === "Refusal") return Effect.fail(error);
		return CliError.isCliError(error) ? usage(error) : refuse(error.message, exitCodes.configuration);
	}), Effect.tapCause((cause) => Cause.hasDies(cause) ? Effect.logFatal("the executor ended in a bug; please report it", cause) : Effect.void), Effect.provide([NodeServices.layer, presenter]), NodeRuntime.runMain({
		disableErrorReporting: true,
		teardown
	}));
};
export { runCommandLine };
