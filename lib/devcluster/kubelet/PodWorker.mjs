import { KubernetesApi, KubernetesDeletion } from "../../kubernetes/KubernetesApi.mjs";
import { referenceOf } from "../Kinds.mjs";
import { PodLogs } from "../PodLogs.mjs";
import { timestamp } from "../Timestamp.mjs";
import { dataReader, environmentOf } from "./ContainerConfig.mjs";
import { start } from "./ContainerProcess.mjs";
import { make as make$1 } from "./ContainerRunner.mjs";
import { creating, hasSucceeded, initializing } from "./ContainerState.mjs";
import { handlersOf } from "./Handlers.mjs";
import { KubeletPods } from "./PodObject.mjs";
import { podStatus } from "./PodStatus.mjs";
import { makeVolumes } from "./Volumes.mjs";
import { Effect, Latch, Queue, Schedule } from "effect";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { mkdir, rm } from "node:fs/promises";
// src/devcluster/kubelet/PodWorker.ts
/** Pauses between attempts to write a status or the final delete. */
const untilWritten = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]);
const isTransient = (error) => error._tag !== "KubernetesNotFound" && error._tag !== "KubernetesConflict";
/** Makes a worker; nothing happens before `run`. */
const make = Effect.fnUntraced(function* (options) {
	const api = yield* KubernetesApi;
	const deletion = yield* KubernetesDeletion;
	const logs = yield* PodLogs;
	const { address, apiServer, nodeName, pod, record } = options;
	const { metadata, spec } = pod;
	const namespace = metadata.namespace ?? "";
	const uid = metadata.uid ?? "";
	const root = join(options.podRoot, `${namespace}_${metadata.name}_${uid}`);
	const context = {
		pod,
		address,
		nodeName
	};
	const initContainers = spec.initContainers ?? [];
	const initial = initContainers.length === 0 ? creating : initializing;
	const states = new Map([...initContainers, ...spec.containers].map(({ name }) => [name, initial]));
	const changed = yield* Latch.make();
	const graces = yield* Queue.sliding(1);
	const lines = yield* Queue.sliding(1e3);
	const own = {
		POD_IP: address,
		POD_ROOT: root,
		POD_NAME: metadata.name,
		POD_NAMESPACE: namespace,
		KUBERNETES_API_URL: apiServer.url,
		...apiServer.token === void 0 ? {} : { KUBERNETES_API_TOKEN: apiServer.token },
		...apiServer.certificateAuthority === void 0 ? {} : { NODE_EXTRA_CA_CERTS: apiServer.certificateAuthority }
	};
	const runnerOf = (container, field, restartPolicy) => {
		const subject = {
			kind: KubeletPods,
			metadata,
			fieldPath: `spec.${field}{${container.name}}`
		};
		return make$1({
			container,
			runtime: {
				start,
				handlersOf
			},
			programs: options.programs,
			address,
			directory: root,
			environment: Effect.gen(function* () {
				const read = yield* dataReader(api, namespace);
				return {
					...own,
					...yield* environmentOf(context, read, container.env ?? [])
				};
			}),
			restartPolicy,
			graceSeconds: spec.terminationGracePeriodSeconds ?? 30,
			onState: (state) => {
				states.set(container.name, state);
				changed.openUnsafe();
			},
			onLine: (line) => {
				logs.append({
					namespace,
					pod: metadata.name,
					container: container.name
				}, line);
				Queue.offerUnsafe(lines, {
					container: container.name,
					line
				});
			},
			record: (happening) => record(subject, happening)
		});
	};
	const restartPolicy = spec.restartPolicy ?? "Always";
	const initPolicy = restartPolicy === "Never" ? "Never" : "OnFailure";
	const initRunners = initContainers.map((container) => runnerOf(container, "initContainers", initPolicy));
	const runners = new Map(spec.containers.map((container) => [container.name, runnerOf(container, "containers", restartPolicy)]));
	const allRunners = [...initRunners, ...runners.values()];
	const logLines = Effect.forever(Effect.flatMap(Queue.take(lines), ({ container, line }) => Effect.annotateLogs(Effect.logDebug(line), {
		namespace,
		pod: metadata.name,
		container
	})));
	/** Writes the status after each change, as often as the API takes it. */
	const keepStatus = Effect.gen(function* () {
		const startTime = yield* timestamp;
		let written;
		const write = Effect.gen(function* () {
			yield* changed.await;
			changed.closeUnsafe();
			const status = podStatus({
				pod,
				address,
				startTime,
				containers: states
			}, written, yield* timestamp);
			if (isDeepStrictEqual(status, written)) return;
			yield* api.patch(KubeletPods, referenceOf(metadata), {
				type: "merge",
				subresource: "status",
				body: {
					metadata: { uid },
					status
				}
			}).pipe(Effect.tapError(() => changed.open));
			written = status;
		});
		yield* Effect.forever(Effect.retry(write, {
			schedule: untilWritten,
			while: isTransient
		}));
	}).pipe(Effect.catch((error) => Effect.logDebug("pod has gone while its status was written", error)));
	const warn = (reason, message) => {
		return record({
			kind: KubeletPods,
			metadata
		}, {
			type: "Warning",
			reason,
			message
		});
	};
	const prepare = Effect.gen(function* () {
		yield* Effect.promise(() => mkdir(root, { recursive: true }));
		const read = yield* dataReader(api, namespace);
		yield* makeVolumes(context, read, root, apiServer.token ?? "");
	}).pipe(Effect.tapError(({ message }) => Effect.andThen(changed.open, warn("FailedMount", message))), Effect.retry(untilWritten));
	/** The init containers one after the other; false when one has failed for good. */
	const initialize = Effect.gen(function* () {
		for (const { run } of initRunners) yield* run;
		return initContainers.every(({ name }) => hasSucceeded(states.get(name)));
	});
	const runContainers = Effect.gen(function* () {
		yield* prepare;
		if (!(yield* initialize)) return;
		yield* Effect.forEach(runners.values(), ({ run }) => run, {
			concurrency: "unbounded",
			discard: true
		});
	});
	const stop = (graceSeconds) => Effect.forEach(allRunners, (runner) => runner.stop(graceSeconds), {
		concurrency: "unbounded",
		discard: true
	});
	/** Stops everything; a shorter grace period that comes meanwhile starts over with that. */
	const stopWithin = (graceSeconds) => Effect.raceFirst(stop(graceSeconds), Effect.flatMap(Queue.take(graces), stopWithin));
	const finalDelete = deletion.delete(KubeletPods, referenceOf(metadata), {
		uid,
		gracePeriodSeconds: 0
	}).pipe(Effect.retry({
		schedule: untilWritten,
		while: isTransient
	}), Effect.catch(() => Effect.void));
	const live = Effect.gen(function* () {
		yield* Effect.addFinalizer(() => Effect.promise(() => rm(root, {
			recursive: true,
			force: true
		})));
		yield* Effect.forkScoped(logLines);
		yield* Effect.forkScoped(keepStatus);
		yield* Effect.forkScoped(runContainers);
		yield* stopWithin(yield* Queue.take(graces));
	});
	return {
		pod,
		address,
		root,
		pids: () => new Map([...runners].flatMap(([name, { pid }]) => {
			const id = pid();
			return id === void 0 ? [] : [[name, id]];
		})),
		run: Effect.andThen(Effect.scoped(live), finalDelete).pipe(Effect.ensuring(Effect.sync(() => logs.forget({
			namespace,
			pod: metadata.name
		})))),
		beginDeletion: (graceSeconds) => void Queue.offerUnsafe(graces, graceSeconds)
	};
});
export { make };
