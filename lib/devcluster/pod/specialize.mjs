import { channelKey } from "../../fission/RequestSignature.mjs";
import { archiveBytes, archiveOf, download, isStored, store, storePath } from "./archive.mjs";
import { withRetries } from "./cluster.mjs";
import { textAt } from "./json.mjs";
import { loadFunction } from "./loadCall.mjs";
import { writeMounts } from "./mounts.mjs";
import { log, messageOf } from "./podProcess.mjs";
import { refuse } from "./refusal.mjs";
import { join } from "node:path";
import { chmod, rm, writeFile } from "node:fs/promises";
// src/devcluster/pod/specialize.ts
/** Makes a fetcher for one pod. */
const makeFetcher = (options) => {
	const { cluster, directories, signDownload } = options;
	const oneAtATime = makeQueue();
	const fetchCode = async (request, signal) => {
		const pkg = request.fetchType === 2 ? {} : await getPackage(cluster, request, signal);
		const path = storePath(directories.shared, request.filename);
		if (await isStored(path)) return;
		if (![
			0,
			1,
			2
		].includes(request.fetchType)) throw refuse("archive", 400, `unknown fetch type ${request.fetchType}`);
		const bytes = request.fetchType === 2 ? await download(request.url, signDownload, signal) : await archiveBytes(archiveOf(pkg, request.fetchType), signDownload, signal);
		await store(bytes, path, request.keepArchive);
	};
	const fetch = async (request, signal) => {
		await fetchCode(request, signal);
		await writeMounts({
			name: "secret",
			directory: directories.secrets,
			get: (namespace, name) => cluster.getSecret(namespace, name, signal)
		}, request.secrets);
		await writeMounts({
			name: "configmap",
			directory: directories.configs,
			get: (namespace, name) => cluster.getConfigMap(namespace, name, signal)
		}, request.configMaps);
	};
	const specialize = async ({ fetch: code, load }, signal) => {
		await fetch(code, signal);
		if (load.stateKeyspace !== "") await writeStateToken(directories.shared, load, options.masterSecret);
		await loadFunction(load, signal);
	};
	return {
		fetch: (request, signal) => oneAtATime(() => fetch(request, signal), signal),
		specialize: (request, signal) => oneAtATime(() => specialize(request, signal), signal)
	};
};
/** Runs one task after the other; one whose caller has left by its turn is not begun. */
const makeQueue = () => {
	let last = Promise.resolve();
	return (task, signal) => {
		const run = last.then(() => {
			signal.throwIfAborted();
			return task();
		});
		last = run.catch(() => {});
		return run;
	};
};
const getPackage = async (cluster, request, signal) => {
	const { name, namespace, resourceVersion } = request.package;
	const pkg = await withRetries(() => cluster.getPackage(namespace, name, signal), signal).catch((cause) => {
		throw refuse("package", 500, messageOf(cause));
	});
	const version = textAt(pkg, "metadata", "resourceVersion");
	if (version !== resourceVersion) log(`package ${namespace}/${name} has version ${version}, the request names ${resourceVersion}`);
	return pkg;
};
/** Replaces the state token (function-pod-protocol.md section 9). */
const writeStateToken = async (directory, load, master) => {
	try {
		const { functionNamespace: namespace, stateKeyspace: keyspace } = load;
		if (namespace === void 0) throw new Error("the request names a keyspace but no function");
		const token = master === void 0 ? "dev-unauthenticated" : channelKey(master, `stateapi:${namespace}:${keyspace}`).export().toString("hex");
		const path = join(directory, ".fission-state-token");
		await rm(path, { force: true });
		await writeFile(path, JSON.stringify({
			namespace,
			keyspace,
			token
		}));
		await chmod(path, 292);
	} catch (cause) {
		throw refuse("token", 500, messageOf(cause));
	}
};
export { makeFetcher };
