import { Deferred, Effect } from "effect";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
// src/devcluster/kubelet/ContainerProcess.ts
/**
* Runs a program in a process group of its own. Closing the scope kills the group and waits for its end. Its
* standard input stays open for as long as we live, so that a program that ends with it never outlives us.
*/
const start = (options) => Effect.acquireRelease(Effect.gen(function* () {
	const ended = yield* Deferred.make();
	const child = spawn(options.command, [...options.parameters], {
		cwd: options.directory,
		env: {
			PATH: process.env["PATH"],
			...options.environment
		},
		detached: true,
		stdio: [
			"pipe",
			"pipe",
			"pipe"
		]
	});
	child.stdin.on("error", () => {});
	for (const output of [child.stdout, child.stderr]) createInterface({ input: output }).on("line", options.onLine);
	child.once("error", (cause) => {
		options.onLine(`cannot start ${options.command}: ${cause.message}`);
		Deferred.doneUnsafe(ended, Effect.succeed({ exitCode: 128 }));
	});
	child.once("exit", (code, signal) => {
		signalGroup(child, "SIGKILL");
		Deferred.doneUnsafe(ended, Effect.succeed(exitOf(code, signal)));
	});
	return {
		pid: child.pid,
		exited: Deferred.await(ended),
		signal: (signal) => Effect.sync(() => signalGroup(child, signal))
	};
}), (running) => Effect.andThen(running.signal("SIGKILL"), running.exited));
const signalNumbers = {
	SIGTERM: 15,
	SIGKILL: 9
};
/** As a shell reports it: 128 and the number of the signal. */
const exitOf = (code, signal) => signal === null ? { exitCode: code ?? 0 } : {
	exitCode: 128 + (signalNumbers[signal] ?? 0),
	signal
};
const signalGroup = ({ pid }, signal) => {
	if (pid === void 0) return;
	try {
		process.kill(-pid, signal);
	} catch {}
};
export { start };
