import { ConfigError, fieldOf } from "./ContainerConfig.mjs";
import { Effect } from "effect";
import { dirname, join, normalize } from "node:path";
import { mkdir, symlink, writeFile } from "node:fs/promises";
// src/devcluster/kubelet/Volumes.ts
/**
* Makes the volumes of a Pod below its root: `/userfunc` of a container is `<root>/userfunc`. A volume that is mounted
* at several paths lies at the first; the others are links. Secrets and ConfigMaps are written once, not kept up to
* date. Fails with `ConfigError` when one is missing that is not optional.
*
* @param token what a projected service account token holds
*/
const makeVolumes = Effect.fnUntraced(function* (context, read, root, token) {
	const { containers, volumes } = context.pod.spec;
	const mounts = containers.flatMap(({ volumeMounts }) => volumeMounts ?? []);
	for (const volume of volumes ?? []) {
		const files = yield* filesOf(context, read, volume, token);
		const [first, ...others] = new Set(mounts.filter(({ name }) => name === volume.name).map(({ mountPath }) => join(root, normalize(`/${mountPath}`))));
		if (first === void 0) continue;
		yield* Effect.promise(() => mkdir(first, { recursive: true }));
		for (const { content, path } of files) yield* Effect.promise(() => write(join(first, path), content));
		for (const other of others) yield* Effect.promise(() => link(first, other));
	}
});
const write = async (path, content) => {
	await mkdir(dirname(path), { recursive: true });
	await writeFile(path, content);
};
const link = async (target, path) => {
	await mkdir(dirname(path), { recursive: true });
	await symlink(target, path).catch((cause) => {
		if (cause.code !== "EEXIST") throw cause;
	});
};
const filesOf = Effect.fnUntraced(function* (context, read, volume, token) {
	const files = [];
	for (const source of [volume, ...volume.projected?.sources ?? []]) files.push(...yield* sourceFiles(context, read, source, token));
	return files;
});
const sourceFiles = Effect.fnUntraced(function* (context, read, { configMap, downwardAPI, secret, serviceAccountToken }, token) {
	const files = [];
	if (secret) files.push(...yield* dataFiles(read, "secret", secret.secretName ?? secret.name ?? "", secret));
	if (configMap) files.push(...yield* dataFiles(read, "configmap", configMap.name ?? "", configMap));
	for (const { fieldRef, path } of downwardAPI?.items ?? []) files.push({
		path,
		content: yield* fieldOf(context, fieldRef?.fieldPath ?? "")
	});
	if (serviceAccountToken) files.push({
		path: serviceAccountToken.path,
		content: token
	});
	return files;
});
const dataFiles = Effect.fnUntraced(function* (read, kind, name, source) {
	const data = yield* read(kind, name);
	if (data === void 0) {
		if (source.optional === true) return [];
		return yield* new ConfigError({ message: `${kind} "${name}" not found` });
	}
	const items = source.items ?? [...data.keys()].map((key) => ({
		key,
		path: key
	}));
	const files = [];
	for (const { key, path } of items) {
		const content = data.get(key);
		if (content !== void 0) files.push({
			path,
			content
		});
		else if (source.optional !== true) return yield* new ConfigError({ message: `references non-existent ${kind} key: ${key}` });
	}
	return files;
});
export { makeVolumes };
