import { ClusterError } from "./cluster.mjs";
import { isJson } from "./json.mjs";
import { messageOf } from "./podProcess.mjs";
import { refuse } from "./refusal.mjs";
import { dirname, join, posix } from "node:path";
import { chmod, mkdir, writeFile } from "node:fs/promises";
// src/devcluster/pod/mounts.ts
const mode = 488;
/**
* Writes objects as files `<directory>/<sub>/<key>`, read at once and written in order; a file of an earlier call is
* replaced, one of another object of this call refused (function-pod-protocol.md section 7). Rejects with a `Refusal`.
*/
const writeMounts = async (kind, references) => {
	const directories = references.map((reference) => join(kind.directory, subPath(reference)));
	const objects = await Promise.all(references.map(({ name, namespace }) => kind.get(namespace, name).catch((cause) => Promise.reject(notRead(kind.name, cause)))));
	const written = /* @__PURE__ */ new Set();
	for (const [index, object] of objects.entries()) {
		const directory = directories[index] ?? kind.directory;
		for (const [key, content] of filesOf(kind.name, object)) {
			const path = join(directory, key);
			if (written.has(path)) throw refuse("mounts", 500, `${path} is already written by another ${kind.name}`);
			written.add(path);
			await writeFileAt(path, content);
		}
	}
};
/** The directory of an object below its kind's. Throws the fetcher's 400 for a mount path that is not below it. */
const subPath = ({ mountPath, name, namespace }) => {
	if (mountPath === "") return join(namespace, name);
	const cleaned = posix.normalize(mountPath).replace(/\/$/u, "");
	if (cleaned.startsWith("/") || cleaned.includes("\\") || /^\.\.?(\/|$)/u.test(cleaned)) throw refuse("mounts", 400, `the mount path "${mountPath}" is not a path below the mount directory`);
	return cleaned;
};
/** A Secret's bytes decoded; of a ConfigMap `data` alone; sorted by key. */
const filesOf = (kind, object) => {
	return (isJson(object["data"]) ? Object.entries(object["data"]) : []).flatMap(([key, value]) => typeof value === "string" ? [[key, value]] : []).sort(([a], [b]) => a < b ? -1 : 1).map(([key, value]) => [key, Buffer.from(value, kind === "secret" ? "base64" : "utf8")]);
};
const writeFileAt = async (path, content) => {
	try {
		await mkdir(dirname(path), {
			recursive: true,
			mode
		});
		await writeFile(path, content);
		await chmod(path, mode);
	} catch (cause) {
		throw refuse("mounts", 500, messageOf(cause));
	}
};
const notRead = (kind, cause) => cause instanceof ClusterError && cause.kind === "NotFound" ? refuse("mounts", 404, `${kind} was not found in kubeapi: ${cause.message}`) : refuse("mounts", 500, `error getting ${kind} from kubeapi: ${messageOf(cause)}`);
export { writeMounts };
