import { writeZip } from "../Zip.mjs";
import { Effect } from "effect";
import { dirname, join, relative, resolve, sep } from "node:path";
import { glob, readFile, stat } from "node:fs/promises";
// src/devcluster/manifests/Archives.ts
/** Most bytes of a literal archive, as Fission's webhook admits them (resources.md section 5). */
const literalLimit = 262144;
/**
* The content of an archive for `spec.deployment.literal`, in base64: a single file as it is, several files as a zip with
* names relative to the folder that they share. The same files give the same text.
*/
const literalOf = (archive) => Effect.tryPromise({
	try: async () => {
		const bytes = await contentOf(await filesOf(archive));
		if (bytes.length > literalLimit) throw new Error(`it has ${bytes.length} bytes, at most ${literalLimit} fit`);
		return bytes.toString("base64");
	},
	catch: (cause) => ({
		file: archive.file,
		problem: `archive ${archive.name}: ${cause instanceof Error ? cause.message : String(cause)}`,
		mayPassLater: true
	})
});
/** Absolute paths of the files that are meant, a folder standing for everything below it. */
const filesOf = async ({ folder, include }) => {
	const found = /* @__PURE__ */ new Set();
	const collect = async (pattern) => {
		for await (const match of glob(pattern, { cwd: folder })) {
			const path = resolve(folder, match);
			if ((await stat(path)).isFile()) found.add(path);
			else if (!pattern.endsWith("**/*")) await collect(join(match, "**/*"));
		}
	};
	for (const pattern of include) await collect(pattern);
	if (found.size === 0) throw new Error(`no file is included by ${include.join(", ") || "an empty list"}`);
	return [...found].sort();
};
const contentOf = async (files) => {
	const [only, ...others] = files;
	if (only !== void 0 && others.length === 0) return readFile(only);
	const root = files.map(dirname).reduce(sharedFolder);
	const entries = await Promise.all(files.map(async (path) => ({
		name: relative(root, path).split(sep).join("/"),
		content: await readFile(path)
	})));
	return writeZip(entries);
};
const sharedFolder = (left, right) => {
	const [a, b] = [left.split(sep), right.split(sep)];
	const different = a.findIndex((part, index) => part !== b[index]);
	return (different < 0 ? a : a.slice(0, different)).join(sep);
};
export { literalOf };
