import { ConfigurationError } from "./Errors.mjs";
import { readPodSpecPatch } from "./PodSpecPatch.mjs";
import { Context, Duration, Effect, Layer, Redacted, Result } from "effect";
// src/Config.ts
const goDurationUnits = {
	ns: 1e-6,
	us: .001,
	µs: .001,
	ms: 1,
	s: 1e3,
	m: 6e4,
	h: 36e5
};
/** Go's duration syntax: `1h30m`, `300s`, a bare `0`. Undefined when it is none. */
const parseGoDuration = (text) => {
	if (text === "0") return Duration.zero;
	if (!/^\+?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/u.test(text)) return void 0;
	let millis = 0;
	for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/gu)) millis += Number(number) * (goDurationUnits[unit ?? ""] ?? 0);
	return Duration.millis(millis);
};
const parseBoolean = (text) => {
	if ([
		"1",
		"t",
		"T",
		"TRUE",
		"true",
		"True"
	].includes(text)) return true;
	return [
		"0",
		"f",
		"F",
		"FALSE",
		"false",
		"False"
	].includes(text) ? false : void 0;
};
const parsePullPolicy = (text) => text === "Always" || text === "Never" || text === "IfNotPresent" ? text : void 0;
const parseSeconds = (text) => /^\d+$/u.test(text) && Number(text) >= 1 ? Duration.seconds(Number(text)) : void 0;
const parseBytes = (text) => /^\d+$/u.test(text) && Number(text) > 0 ? Number(text) : void 0;
const parseInteger = (text) => /^[+-]?\d{1,15}$/u.test(text) ? Number(text) : void 0;
/** 0 and anything below mean that there is no bound (http-api.md section 6). */
const parseBound = (text) => {
	const value = parseInteger(text);
	return value === void 0 ? void 0 : Math.max(0, value);
};
const parsePercent = (text) => /^\d{1,3}$/u.test(text) && Number(text) >= 1 && Number(text) <= 100 ? Number(text) : void 0;
const parseListenAddress = (text) => {
	const [, bracketed, plain, port] = /^(?:\[([\da-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/u.exec(text) ?? [];
	if (port === void 0 || Number(port) > 65535) return void 0;
	const host = bracketed ?? plain ?? "";
	return {
		host: host === "" ? void 0 : host,
		port: Number(port)
	};
};
const parseReaper = (text) => text === "on" || text === "dry-run" ? text : void 0;
const parseCount = (text) => {
	const value = parseInteger(text);
	return value !== void 0 && value >= 0 ? value : void 0;
};
const positive = (parse) => (text) => {
	const duration = parse(text);
	return duration !== void 0 && Duration.toMillis(duration) > 0 ? duration : void 0;
};
const atLeast = (least, parse) => (text) => {
	const duration = parse(text);
	return duration !== void 0 && Duration.isGreaterThanOrEqualTo(duration, least) ? duration : void 0;
};
/** A Kubernetes quantity: a decimal with an optional binary, decimal or exponent suffix. */
const isQuantity = (text) => /^[+-]?(\d+(\.\d*)?|\.\d+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?\d+))?$/u.test(text);
/**
* Reads the settings from environment variables, and the one file that they name. Throws a `ConfigurationError` where a
* start must be refused.
*/
const fromVariables = (variables) => {
	const invalid = [];
	const read = (name, parse, fallback, shown = String(fallback)) => {
		const text = variables[name] ?? "";
		if (text === "") return fallback;
		const value = parse(text);
		if (value !== void 0) return value;
		invalid.push({
			setting: name,
			value: text,
			used: shown
		});
		return fallback;
	};
	const text = (name, fallback = "") => read(name, (value) => value, fallback);
	const secret = (name) => {
		const value = variables[name];
		if (value === void 0) return void 0;
		if (value.trim() === "") throw new ConfigurationError({
			setting: name,
			detail: "is set but blank; unset it to turn internal auth off"
		});
		return Redacted.make(value);
	};
	const currentSecret = secret("FISSION_INTERNAL_AUTH_SECRET");
	const previousSecret = secret("FISSION_INTERNAL_AUTH_SECRET_OLD");
	if (currentSecret === void 0 && previousSecret !== void 0) throw new ConfigurationError({
		setting: "FISSION_INTERNAL_AUTH_SECRET_OLD",
		detail: "is set without FISSION_INTERNAL_AUTH_SECRET, which would leave every request unsigned"
	});
	const quantities = (cpu, memory) => {
		const found = {};
		for (const [resource, name] of [["cpu", cpu], ["memory", memory]]) {
			const value = variables[name] ?? "";
			if (value === "") continue;
			if (!isQuantity(value)) throw new ConfigurationError({
				setting: name,
				detail: `"${value}" is not a Kubernetes quantity such as 100m`
			});
			found[resource] = value;
		}
		return found;
	};
	/** The file is named by a variable so that an executor outside a container can have one. */
	const podSpecPatch = () => {
		const setting = "EXECUTOR_PODSPEC_PATCH_FILE";
		const file = text(setting, "/etc/fission/runtime-podspec-patch.yaml");
		return Result.getOrElse(readPodSpecPatch(file), (problem) => {
			invalid.push({
				setting,
				value: `${file}: ${problem}`,
				used: "no patch"
			});
			return {};
		});
	};
	const names = [variables["FISSION_DEFAULT_NAMESPACE"] ?? "", ...text("FISSION_RESOURCE_NAMESPACES").split(",")];
	const namespaces = [...new Set(names.map((name) => name.trim()).filter((name) => name !== ""))];
	const istio = read("ENABLE_ISTIO", parseBoolean, false);
	const functionServices = read("ENABLE_FUNCTION_SERVICES", parseBoolean, false);
	const reaperInterval = read("OBJECT_REAPER_INTERVAL", parseSeconds, Duration.seconds(5), "5 s");
	const reaperIntervalOf = (type) => read(`${type}_OBJECT_REAPER_INTERVAL`, parseSeconds, reaperInterval, "OBJECT_REAPER_INTERVAL");
	return {
		namespaces: namespaces.length === 0 ? ["default"] : namespaces,
		functionNamespace: text("FISSION_FUNCTION_NAMESPACE").trim(),
		podReadyTimeout: read("POD_READY_TIMEOUT", positive(parseGoDuration), Duration.seconds(300), "300s"),
		runtimeImagePullPolicy: read("RUNTIME_IMAGE_PULL_POLICY", parsePullPolicy, "IfNotPresent"),
		reaperIntervals: {
			poolmgr: reaperIntervalOf("POOLMGR"),
			newdeploy: reaperIntervalOf("NEWDEPLOY"),
			container: reaperIntervalOf("CONTAINER")
		},
		adoptExistingResources: read("ADOPT_EXISTING_RESOURCES", parseBoolean, true),
		deletionBrakePercent: read("EXECUTOR_DELETION_BRAKE_PERCENT", parsePercent, 30),
		reaperDryRun: read("EXECUTOR_REAPER", parseReaper, "on") === "dry-run",
		metricsAddress: read("METRICS_ADDR", parseListenAddress, {
			host: void 0,
			port: 8080
		}, ":8080"),
		leaderElection: read("LEADER_ELECTION_ENABLED", parseBoolean, false),
		leaseNamespace: text("FISSION_LEASE_NAMESPACE", text("POD_NAMESPACE")).trim(),
		leaseDuration: read("EXECUTOR_LEASE_DURATION", atLeast(Duration.seconds(6), parseGoDuration), Duration.seconds(15), "15s"),
		disableOwnerReferences: read("DISABLE_OWNER_REFERENCES", parseBoolean, false),
		finalizerEnabled: read("FINALIZER_ENABLED", parseBoolean, false),
		istio,
		functionServices: functionServices && !istio,
		podSpecPatch: podSpecPatch(),
		clusterDomain: text("CLUSTER_DOMAIN", "cluster.local"),
		stateServiceUrl: text("STATESVC_URL"),
		gracefulShutdownTimeout: read("GRACEFUL_SHUTDOWN_TIMEOUT", positive(parseGoDuration), Duration.seconds(30), "30s"),
		bodyLimit: read("EXECUTOR_BODY_LIMIT_BYTES", parseBytes, 33554432),
		specializationConcurrency: read("EXECUTOR_SPECIALIZATION_CONCURRENCY", parseBound, 0),
		warmReserve: read("EXECUTOR_WARM_RESERVE", parseCount, 1),
		maxPendingSpecializations: read("EXECUTOR_MAX_PENDING_SPECIALIZATIONS_PER_FUNCTION", parseCount, 20),
		fetcher: {
			image: text("FETCHER_IMAGE", "ghcr.io/fission/fetcher"),
			imagePullPolicy: read("FETCHER_IMAGE_PULL_POLICY", parsePullPolicy, "IfNotPresent"),
			requests: quantities("FETCHER_MINCPU", "FETCHER_MINMEM"),
			limits: quantities("FETCHER_MAXCPU", "FETCHER_MAXMEM"),
			allowInsecureRegistries: text("FETCHER_ALLOW_INSECURE_REGISTRIES")
		},
		internalAuth: {
			secret: currentSecret,
			previousSecret,
			secretName: text("FISSION_INTERNAL_AUTH_SECRET_NAME", "fission-internal-auth")
		},
		telemetryVariables: Object.entries(variables).flatMap(([name, value]) => name.startsWith("OTEL_") && value !== void 0 ? [[name, value]] : []),
		invalid
	};
};
/**
* The settings of the process as one frozen value. A value that cannot be used falls back to its default and is named
* in `invalid`, except where starting would be unsafe: those fail with `ConfigurationError`.
*/
var Settings = class Settings extends Context.Service()("fission-executor/Settings") {
	/** Reads the given environment variables, usually `process.env`. */
	static layer = (variables) => Layer.effect(Settings, Effect.try({
		try: () => Settings.of(fromVariables(variables)),
		catch: (cause) => cause instanceof ConfigurationError ? cause : new ConfigurationError({
			setting: "environment",
			detail: String(cause),
			cause
		})
	}));
};
/**
* Where the workloads of resources in `namespace` live: the function namespace for `default` where one is set, else
* the same namespace (configuration-and-deployment.md section 4.2).
*/
const workloadNamespace = (settings, namespace) => settings.functionNamespace !== "" && namespace === "default" ? settings.functionNamespace : namespace;
export { Settings, parseGoDuration, workloadNamespace };
