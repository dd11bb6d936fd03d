import { ExecutorApi } from "../../api/ExecutorApi.mjs";
import { Settings } from "../../Config.mjs";
import { ApiServer } from "../../devcluster/ApiServer.mjs";
import { layer } from "../../devcluster/DevCluster.mjs";
import { Faults } from "../../devcluster/Faults.mjs";
import { Router } from "../../devcluster/Router.mjs";
import { layer as layer$1 } from "../../Executor.mjs";
import { Pods } from "../../fission/ResourceKind.mjs";
import { isReady } from "../../fission/Workloads.mjs";
import { fromServer } from "../../kubernetes/Credentials.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { layer as layer$2 } from "../../kubernetes/KubernetesApiLive.mjs";
import { Supervisor } from "../../namespaces/Supervisor.mjs";
import { DecisionLog } from "../../safeguards/DecisionLog.mjs";
import { refuse } from "../Refusal.mjs";
import { version } from "../version.mjs";
import { make } from "./ExecutorLog.mjs";
import { freeze } from "./FrozenApi.mjs";
import { createEnvironment, createFunction } from "./Functions.mjs";
import { countsRow, millis, seconds, show, until } from "./Report.mjs";
import { call, keepCalling } from "./Traffic.mjs";
import { Console, Context, Duration, Effect, Exit, Layer, Result, Scope } from "effect";
// src/cli/demo/runDemo.ts
const host = "127.0.0.1";
const namespaces = [
	"team-a",
	"team-b",
	"team-c"
];
/** The namespace whose API breaks. */
const broken = "team-b";
const healthy = namespaces.filter((namespace) => namespace !== broken);
/** The namespace in which many call one function at once. */
const crowded = "team-c";
const executorAgent = `fission-executor/${version}`;
const outage = Duration.seconds(12);
const readyPods = (namespace, labelSelector) => Effect.gen(function* () {
	const { items } = yield* (yield* KubernetesApi).list(Pods, {
		namespace,
		labelSelector
	});
	return items.filter((item) => {
		const pod = Pods.decode(item);
		return Result.isSuccess(pod) && isReady(pod.success);
	}).length;
});
/** Whether every pool is full, and a pod of each claimed in advance. */
const areFull = Effect.gen(function* () {
	for (const namespace of namespaces) {
		const [warm, reserved] = yield* Effect.all([readyPods(namespace, "managed=true"), readyPods(namespace, "fission.io/claimed=true")]);
		if (warm !== 2 || reserved !== 1) return false;
	}
	return true;
});
const prepare = Effect.gen(function* () {
	for (const namespace of namespaces) {
		yield* createEnvironment(namespace);
		yield* createFunction(namespace, "hello");
		yield* createFunction(namespace, "later");
		yield* createFunction(namespace, "frozen");
		yield* createFunction(namespace, "thawed");
	}
	yield* createFunction(broken, "afterwards");
	yield* createFunction(crowded, "crowd");
	const took = yield* until(areFull, Duration.seconds(60));
	return yield* show({
		step: "two warm pods, and one in reserve, in each of three namespaces",
		seen: took === void 0 ? "not within a minute" : `ready after ${seconds(took)}`,
		asPromised: took !== void 0
	});
});
const callOnce = (step, namespace, name) => Effect.gen(function* () {
	const { url } = yield* Router;
	const { body, status, took } = yield* call(url, namespace, name);
	const asPromised = status === 200 && body === `${namespace}/${name}\n`;
	return yield* show({
		step,
		seen: `HTTP ${status} in ${millis(took)}`,
		asPromised
	});
});
/** One namespace's API answers with etcd time-outs for a while; everybody is called meanwhile. */
const breakOneNamespace = (log) => Effect.gen(function* () {
	const { url } = yield* Router;
	const faults = yield* Faults;
	yield* until(areFull, Duration.seconds(60));
	const mine = {
		client: executorAgent,
		namespace: broken
	};
	yield* faults.inject({
		...mine,
		action: {
			type: "error",
			preset: "etcdTimeout"
		}
	});
	yield* faults.inject({
		...mine,
		action: { type: "dropWatch" }
	});
	yield* Console.log(`\n  every call of the executor to ${broken} now answers "etcdserver: request timed out"\n`);
	const rows = yield* Effect.scoped(Effect.gen(function* () {
		const healthyCounts = yield* Effect.forEach(healthy, (namespace) => keepCalling(url, namespace, "hello"));
		const brokenCounts = yield* keepCalling(url, broken, "hello");
		yield* Effect.sleep(outage);
		const coldStarts = yield* Effect.forEach(healthy, (namespace) => callOnce(`cold start in ${namespace} meanwhile`, namespace, "later"));
		const fromReserve = yield* callOnce(`cold start in ${broken} itself, from its reserve`, broken, "later");
		return [
			...coldStarts,
			fromReserve,
			yield* countsRow(`requests to ${healthy.join(" and ")}`, healthyCounts),
			yield* countsRow(`warm requests to ${broken} itself`, [brokenCounts])
		];
	}));
	const waits = log.waits(broken, "environments");
	const strangers = healthy.map((namespace) => log.warnings(namespace)).reduce((sum, count) => sum + count, 0);
	return [
		...rows,
		yield* show({
			step: `waits before each further list of ${broken}'s Environments`,
			seen: waits.join(", "),
			asPromised: waits.length > 1
		}),
		yield* show({
			step: `warnings about ${broken}, and about the others`,
			seen: `${log.warnings(broken)}, and ${strangers}`,
			asPromised: log.warnings(broken) > 0 && strangers === 0
		})
	];
});
const recover = (log) => Effect.gen(function* () {
	const cell = (yield* Supervisor).cell(broken);
	yield* (yield* Faults).liftAll;
	yield* Console.log("\n  the API answers again\n");
	const isWell = Effect.sync(() => log.failing(broken) === 0 && cell?.health().state === "Healthy");
	const took = yield* until(isWell, Duration.seconds(90));
	return [yield* show({
		step: `${broken} is healthy again without a restart`,
		seen: took === void 0 ? "not within 90 s" : `after ${seconds(took)}`,
		asPromised: took !== void 0
	}), yield* callOnce(`cold start in ${broken}`, broken, "afterwards")];
});
/** As many first requests at once as two pods can take. */
const burst = Effect.gen(function* () {
	const { url } = yield* Router;
	const answers = yield* Effect.all(Array.from({ length: 20 }, () => call(url, crowded, "crowd")), { concurrency: "unbounded" });
	const failed = answers.filter(({ status }) => status !== 200).length;
	const pods = readyPods(crowded, "functionName=crowd");
	yield* until(Effect.map(pods, (count) => count === 2), Duration.seconds(10));
	const count = yield* pods;
	return yield* show({
		step: "20 first requests at once, 10 to a pod",
		seen: `${answers.length - failed} answered, ${failed} failed, by ${count} pods`,
		asPromised: failed === 0 && count === 2
	});
});
/** Names and versions of the pods that functions have. */
const functionPods = Effect.gen(function* () {
	const api = yield* KubernetesApi;
	return (yield* Effect.forEach(namespaces, (namespace) => api.list(Pods, {
		namespace,
		labelSelector: "functionName"
	}))).flatMap(({ items }) => items.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`)).sort();
});
/** The executor stops and a new one, which knows nothing, takes its place, while every function is called. */
const restart = (stop, start) => Effect.gen(function* () {
	const { url } = yield* Router;
	const before = yield* functionPods;
	yield* Console.log("\n  the executor stops, and a new one starts\n");
	const counts = yield* Effect.forEach(namespaces, (namespace) => keepCalling(url, namespace, "hello"));
	const sum = () => counts.reduce((total, count) => total + count().answered, 0);
	yield* until(Effect.sync(() => sum() > 0), Duration.seconds(10));
	yield* stop;
	const started = yield* start;
	const seen = sum();
	yield* until(Effect.sync(() => sum() > seen + 30), Duration.seconds(30));
	const after = yield* functionPods;
	const kept = before.filter((pod) => after.includes(pod)).length;
	return {
		started,
		rows: [yield* countsRow("requests to all namespaces meanwhile", counts), yield* show({
			step: "function pods taken over without a write",
			seen: `${kept} of ${before.length}`,
			asPromised: kept === before.length && after.length === before.length
		})]
	};
});
const nothingDeleted = Effect.gen(function* () {
	const deleted = (yield* (yield* DecisionLog).recent()).filter(({ action }) => action === "Deleted");
	return yield* show({
		step: "objects deleted",
		seen: String(deleted.length),
		asPromised: deleted.length === 0
	});
});
const tour = (log) => Effect.gen(function* () {
	yield* Console.log("\n  an embedded cluster, the executor and a router run in this process\n");
	const kubeConfig = fromServer((yield* ApiServer).url);
	const executorOn = (port) => layer$1({
		kubeConfig,
		userAgent: executorAgent,
		host,
		port
	});
	const first = yield* Scope.fork(yield* Effect.scope);
	const services = yield* Layer.buildWithScope(executorOn(0), first);
	const { port } = Context.get(services, ExecutorApi);
	const router = yield* Layer.build(Router.layer({
		host,
		port: 0,
		executorUrl: `http://${host}:${port}`,
		namespaces
	}));
	const stop = Scope.close(first, Exit.void);
	const rows = yield* Effect.gen(function* () {
		return [
			yield* prepare,
			yield* callOnce("cold start", "team-a", "hello"),
			yield* callOnce("warm request", "team-a", "hello"),
			yield* callOnce("a second namespace", "team-b", "hello"),
			yield* callOnce("a third", "team-c", "hello"),
			yield* burst,
			...yield* breakOneNamespace(log),
			...yield* recover(log),
			...yield* freeze({
				client: executorAgent,
				namespaces
			}),
			yield* nothingDeleted
		];
	}).pipe(Effect.provide(services), Effect.provide(router));
	const restarted = yield* restart(stop, Layer.build(executorOn(port))).pipe(Effect.provide(router));
	rows.push(...restarted.rows, yield* nothingDeleted.pipe(Effect.provide(restarted.started)));
	const differing = rows.filter((row) => !row.asPromised).length;
	if (differing > 0) return yield* refuse(`${differing} of ${rows.length} steps differ from what was promised`, 1);
	yield* Console.log(`\n  ${rows.length} of ${rows.length} steps as promised\n`);
}).pipe(Effect.scoped);
/** Runs the tour; refuses with exit code 1 when anything differs from what it promises. */
const runDemo = () => {
	const log = make();
	const settings = Settings.layer({
		FISSION_RESOURCE_NAMESPACES: namespaces.join(","),
		FINALIZER_ENABLED: "true"
	});
	const api = Layer.unwrap(Effect.map(ApiServer, ({ url }) => layer$2(fromServer(url), `fission-executor-demo/${version}`)));
	return tour(log).pipe(Effect.provide(api.pipe(Layer.provideMerge(layer({
		host,
		port: 0,
		namespaces
	})))), Effect.provide([settings, log.layer]));
};
export { runDemo };
