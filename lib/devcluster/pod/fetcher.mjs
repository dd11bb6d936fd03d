import { ports } from "../../fission/Labels.mjs";
import { makeCluster } from "./cluster.mjs";
import { fetcherHandler } from "./fetcherHandler.mjs";
import { blankSecret, fetcherKeys } from "./fetcherKeys.mjs";
import { endWithParent, listen, log, numberFrom, onHost, rehearse } from "./podProcess.mjs";
import { makeFetcher } from "./specialize.mjs";
import { parseSpecializeRequest } from "./specializeRequest.mjs";
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
// src/devcluster/pod/fetcher.ts
const usage = "Usage: fetcher [-specialize-on-startup] [-specialize-request <json>] [-secret-dir <string>] [-cfgmap-dir <string>] <shared volume path>\n";
const fail = (message) => {
	log(message);
	process.exit(1);
};
/** Flags as Go writes them: one dash or two, the value behind `=` or as the next argument. */
const parseArguments = (given) => {
	const flags = /* @__PURE__ */ new Map();
	const rest = [...given];
	while (rest[0]?.startsWith("-") === true) {
		const [name = "", ...value] = (rest.shift() ?? "").replace(/^--?/u, "").split("=");
		if (value.length > 0) flags.set(name, value.join("="));
		else flags.set(name, name === "specialize-on-startup" ? "true" : rest.shift() ?? "");
	}
	return {
		flags,
		sharedDirectory: rest[0]
	};
};
const podInfo = (file, variable) => {
	const path = onHost(`/etc/podinfo/${file}`);
	if (existsSync(path)) return readFileSync(path, "utf8").trim();
	return process.env[variable] ?? fail(`cannot read ${path}, and ${variable} is not set`);
};
const makeDirectory = (path, mode) => {
	const directory = onHost(path);
	if (existsSync(directory)) return directory;
	mkdirSync(directory, { recursive: true });
	chmodSync(directory, mode);
	return directory;
};
const { flags, sharedDirectory } = parseArguments(process.argv.slice(2));
if (sharedDirectory === void 0) {
	process.stdout.write(usage);
	process.exit(1);
}
const blank = blankSecret(process.env);
if (blank !== void 0) fail(`${blank} is set but blank`);
const directories = {
	shared: makeDirectory(sharedDirectory, 448),
	secrets: makeDirectory(flags.get("secret-dir") ?? "/secrets", 488),
	configs: makeDirectory(flags.get("cfgmap-dir") ?? "/configs", 488)
};
const pod = {
	name: podInfo("name", "POD_NAME"),
	namespace: podInfo("namespace", "POD_NAMESPACE")
};
const cluster = makeCluster({
	pod,
	url: process.env["KUBERNETES_API_URL"] ?? fail("KUBERNETES_API_URL is not set"),
	token: process.env["KUBERNETES_API_TOKEN"] ?? ""
});
const keys = fetcherKeys(process.env, pod.namespace);
const fetcher = makeFetcher({
	...keys,
	directories,
	cluster
});
const onStartup = flags.get("specialize-on-startup") === "true";
let ready = !onStartup;
endWithParent();
await setTimeout(numberFrom("FETCHER_REFUSE_FOR_MS") ?? 0);
await listen(ports.fetcher, fetcherHandler({
	fetcher,
	cluster,
	accepted: keys.accepted,
	isReady: () => ready,
	misbehaviour: {
		answerDelay: numberFrom("FETCHER_ANSWER_DELAY_MS"),
		dropAnswer: process.env["FETCHER_DROP_ANSWER"] === "true",
		fixedStatus: numberFrom("FETCHER_FIXED_STATUS")
	}
}));
await rehearse(async (_, response) => void response.end());
if (onStartup) try {
	await fetcher.specialize(parseSpecializeRequest(flags.get("specialize-request") ?? ""), new AbortController().signal);
	ready = true;
} catch (cause) {
	log("the specialization at start failed", cause);
}
export {};
