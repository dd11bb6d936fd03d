import { ConfigurationError } from "../Errors.mjs";
import { Clock, Duration, Effect, Semaphore } from "effect";
import { readFileSync, statSync } from "node:fs";
import { HttpMethod, KubeConfig, RequestContext } from "@kubernetes/client-node";
// src/kubernetes/Credentials.ts
/** The first line of what went wrong; parsers of YAML go on with a picture of the file. */
const problemOf = (cause) => (cause instanceof Error ? cause.message : String(cause)).split("\n", 1).join();
const load = (source, read) => Effect.try({
	try: () => {
		const config = new KubeConfig();
		read(config);
		if (config.getCurrentCluster() === null) throw new Error("it names no cluster for its current context");
		config.clusters = config.clusters.map((cluster) => cluster.server.startsWith("http://") ? {
			...cluster,
			skipTLSVerify: true
		} : cluster);
		return config;
	},
	catch: (cause) => new ConfigurationError({
		setting: source,
		detail: `cannot be used as a kubeconfig (${problemOf(cause)}); check the path and its content`,
		cause
	})
});
/** A kubeconfig file. A file that is missing or malformed fails with a `ConfigurationError` that names it. */
const fromFile = (path) => load(`kubeconfig ${path}`, (config) => config.loadFromString(readFileSync(path, "utf8")));
/** A server without credentials, such as the embedded cluster or a proxy on this machine. */
const fromServer = (url) => load(`API server ${url}`, (config) => {
	const { protocol } = new URL(url);
	if (protocol !== "http:" && protocol !== "https:") throw new Error("the URL must begin with http:// or https://");
	config.loadFromOptions({
		clusters: [{
			name: "cluster",
			server: url.replace(/\/$/u, ""),
			skipTLSVerify: false
		}],
		users: [{ name: "user" }],
		contexts: [{
			name: "context",
			cluster: "cluster",
			user: "user"
		}],
		currentContext: "context"
	});
});
/** `$KUBECONFIG`, then `~/.kube/config`, then the service account of the pod that this runs in. */
const fromDefault = load("kubeconfig", (config) => {
	const named = process.env["KUBECONFIG"] ?? "";
	for (const path of named.split(":").filter((path) => path !== "")) statSync(path);
	config.loadFromDefault();
});
/** Credentials are looked at again after this; files of a service account rotate about hourly. */
const freshFor = Duration.seconds(45);
/** Credentials that could not be read anew are tried again after this. */
const tryAgainAfter = Duration.seconds(5);
/** Reads credentials for the first time; fails if they cannot be read. */
const makeStore = (source) => Effect.gen(function* () {
	const lock = yield* Semaphore.make(1);
	const read = Effect.flatMap(source, (config) => Effect.tryPromise({
		try: () => resolve(config),
		catch: (cause) => new ConfigurationError({
			setting: "credentials",
			detail: `${problemOf(cause)}; check the user of the current context`,
			cause
		})
	}));
	const lookAgainAfter = (pause) => Effect.map(Clock.monotonicTimeNanos, (now) => now + BigInt(Duration.toMillis(pause)) * 1000000n);
	let held = yield* read;
	let freshUntil = yield* lookAgainAfter(freshFor);
	const renew = read.pipe(Effect.matchEffect({
		onSuccess: (credentials) => {
			held = credentials;
			return lookAgainAfter(freshFor);
		},
		onFailure: (error) => Effect.andThen(Effect.logWarning("credentials cannot be read anew; those from before are used on").pipe(Effect.annotateLogs({
			problem: error.message,
			nextAttemptIn: Duration.format(tryAgainAfter)
		})), lookAgainAfter(tryAgainAfter))
	}), Effect.map((until) => {
		freshUntil = until;
		return held;
	}));
	return {
		current: Effect.gen(function* () {
			const asOf = freshUntil;
			if ((yield* Clock.monotonicTimeNanos) < asOf) return held;
			return yield* lock.withPermit(Effect.suspend(() => freshUntil === asOf ? renew : Effect.succeed(held)));
		}),
		refreshed: (than) => lock.withPermit(Effect.suspend(() => held === than ? renew : Effect.succeed(held)))
	};
});
const resolve = async (config) => {
	const server = config.getCurrentCluster()?.server ?? "";
	const context = new RequestContext(server, HttpMethod.GET);
	await config.applySecurityAuthentication(context);
	const tls = {};
	await config.applyToHTTPSOptions(tls);
	const headers = Object.entries(context.getHeaders()).map(([name, value]) => [name.toLowerCase(), value.trim()]);
	return {
		server,
		headers: Object.fromEntries(headers),
		tls,
		tlsVersion: JSON.stringify([
			tls.ca,
			tls.cert,
			tls.key,
			tls.servername,
			tls.rejectUnauthorized
		].map(String))
	};
};
export { fromDefault, fromFile, fromServer, makeStore };
