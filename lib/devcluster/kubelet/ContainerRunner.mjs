import { timestamp } from "../Timestamp.mjs";
import { watchHealth } from "./ContainerHealth.mjs";
import { creating } from "./ContainerState.mjs";
import { terminate } from "./Termination.mjs";
import { Clock, Duration, Effect, Schedule } from "effect";
// src/devcluster/kubelet/ContainerRunner.ts
/** A container that ran this long has recovered: its next crash is the first. */
const recoveredAfter = Duration.minutes(10);
/** Waits for a Secret or ConfigMap that is missing. */
const untilConfigured = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("10 seconds")]);
/** The wait before a container is started again: none, then 10 s, doubling up to five minutes. */
const restartDelay = (crashes) => crashes <= 1 ? Duration.zero : Duration.min(Duration.seconds(10 * 2 ** (crashes - 2)), Duration.minutes(5));
/** Makes a runner; nothing is started before `run`. */
const make = (options) => {
	const { container, environment, onState, programs, restartPolicy } = options;
	let current;
	let stopping = false;
	let held = creating;
	const normal = (reason, message) => options.record({
		type: "Normal",
		reason,
		message
	});
	const warning = (reason, message) => options.record({
		type: "Warning",
		reason,
		message
	});
	const become = (change) => {
		held = {
			...held,
			...change
		};
		onState(held);
	};
	const wait = (reason, message) => Effect.sync(() => become({
		ready: false,
		state: { waiting: {
			reason,
			message
		} }
	}));
	const end = ({ handlers, running }, graceSeconds) => {
		const hook = container.lifecycle?.preStop;
		const preStop = hook ? Effect.catch(handlers(hook), ({ message }) => warning("FailedPreStopHook", `PreStopHook failed: ${message}`)) : Effect.void;
		return terminate(running, preStop, graceSeconds);
	};
	const supervise = (life) => watchHealth({
		container,
		run: life.handlers,
		onStarted: (ready) => Effect.sync(() => become({
			started: true,
			ready
		})),
		onReady: (ready) => Effect.sync(() => {
			if (ready !== held.ready) become({ ready });
		}),
		onUnhealthy: (kind, message) => warning("Unhealthy", `${kind} probe failed: ${message}`),
		onDead: (kind, probe) => Effect.suspend(() => {
			if (stopping) return Effect.void;
			const message = `Container ${container.name} failed ${kind.toLowerCase()} probe, will be restarted`;
			return Effect.andThen(normal("Killing", message), end(life, probe.terminationGracePeriodSeconds ?? options.graceSeconds));
		})
	});
	/** One life of the process. */
	const live = Effect.fnUntraced(function* (program, variables) {
		const startedAt = yield* timestamp;
		const { directory, onLine } = options;
		yield* normal("Pulled", `Container image "${container.image ?? ""}" already present on machine`);
		const running = yield* options.runtime.start({
			command: process.execPath,
			parameters: [
				program.file,
				...(container.command ?? []).slice(1),
				...container.args ?? []
			],
			directory,
			environment: variables,
			onLine
		});
		current = {
			running,
			handlers: options.runtime.handlersOf({
				...options,
				environment: variables
			})
		};
		become({ state: { running: { startedAt } } });
		yield* normal("Created", `Created container: ${container.name}`);
		yield* normal("Started", `Started container: ${container.name}`);
		yield* Effect.forkScoped(supervise(current), { startImmediately: true });
		const { exitCode } = yield* running.exited;
		return {
			exitCode,
			reason: exitCode === 0 ? "Completed" : "Error",
			startedAt,
			finishedAt: yield* timestamp
		};
	}, Effect.scoped);
	const configured = environment.pipe(Effect.tapError(({ message }) => Effect.andThen(wait("CreateContainerConfigError", message), warning("Failed", `Error: ${message}`))), Effect.retry(untilConfigured));
	const isRestarted = (exitCode) => !stopping && (restartPolicy === "Always" || restartPolicy === "OnFailure" && exitCode !== 0);
	const refuse = Effect.gen(function* () {
		const message = cannotRun(options);
		yield* warning("Failed", message);
		return yield* Effect.andThen(wait("ErrImagePull", message), Effect.never);
	});
	const run = Effect.gen(function* () {
		const program = programs.find(({ runs }) => runs(container));
		if (program === void 0) return yield* refuse;
		let crashes = 0;
		while (true) {
			const variables = yield* configured;
			const begun = yield* Clock.monotonicTimeNanos;
			const terminated = yield* live(program, variables);
			current = void 0;
			become({
				started: false,
				ready: false,
				state: { terminated }
			});
			if (!isRestarted(terminated.exitCode)) return;
			const lasted = Duration.nanos((yield* Clock.monotonicTimeNanos) - begun);
			crashes = Duration.isGreaterThan(lasted, recoveredAfter) ? 1 : crashes + 1;
			const delay = restartDelay(crashes);
			become({
				...waitingAgain(container.name, delay, { terminated }),
				restartCount: held.restartCount + 1,
				lastTerminated: terminated
			});
			if (!Duration.isZero(delay)) yield* warning("BackOff", `Back-off restarting failed container ${container.name}`);
			yield* Effect.sleep(delay);
			if (stopping) return;
		}
	});
	const stop = Effect.fnUntraced(function* (graceSeconds) {
		stopping = true;
		if (current === void 0) return;
		yield* normal("Killing", `Stopping container ${container.name}`);
		yield* end(current, graceSeconds);
	});
	return {
		run: Effect.orDie(run),
		stop,
		pid: () => current?.running.pid
	};
};
/** Between two lives a container is terminated while it is started again at once, else it waits. */
const waitingAgain = (name, delay, ended) => {
	if (Duration.isZero(delay)) return { state: ended };
	return { state: { waiting: {
		reason: "CrashLoopBackOff",
		message: `back-off ${Duration.format(delay)} restarting failed container=${name}`
	} } };
};
const cannotRun = ({ container, programs }) => `the embedded kubelet cannot run the image "${container.image ?? ""}" of the container ${container.name}; it runs ${programs.map(({ description }) => description).join(" and ")}`;
export { make, restartDelay };
