import { onHost } from "./podProcess.mjs";
import { syncBuiltinESMExports } from "node:module";
import { fileURLToPath } from "node:url";
// src/devcluster/pod/podFiles.ts
/** What a container has at its root and a process on the host does not. */
const podDirectories = /^\/(userfunc|secrets|configs|etc\/podinfo)(\/|$)/u;
const fs = process.getBuiltinModule("node:fs");
/** Functions of `node:fs` by which user code reads and writes files, all with the path as first argument. */
const synchronous = [
	"accessSync",
	"appendFileSync",
	"createReadStream",
	"createWriteStream",
	"existsSync",
	"lstatSync",
	"mkdirSync",
	"openSync",
	"readFileSync",
	"readdirSync",
	"rmSync",
	"statSync",
	"unlinkSync",
	"watch",
	"writeFileSync"
];
const asynchronous = [
	"access",
	"appendFile",
	"lstat",
	"mkdir",
	"open",
	"readFile",
	"readdir",
	"rm",
	"stat",
	"unlink",
	"writeFile"
];
/**
* Lets functions use the paths that they have in a container, `/userfunc`, `/secrets`, `/configs` and `/etc/podinfo`,
* by redirecting the usual calls of `node:fs` (function-pod-protocol.md section 14).
*/
const redirectPodFiles = () => {
	for (const name of [...synchronous, ...asynchronous]) redirect(fs, name);
	for (const name of asynchronous) redirect(fs.promises, name);
	syncBuiltinESMExports();
};
const redirect = (module, name) => {
	const original = Reflect.get(module, name);
	if (typeof original !== "function") return;
	const redirected = (path, ...rest) => Reflect.apply(original, module, [hostPath(path), ...rest]);
	Reflect.set(module, name, Object.assign(redirected, original));
};
const hostPath = (path) => {
	const text = path instanceof URL && path.protocol === "file:" ? fileURLToPath(path) : path;
	return typeof text === "string" && podDirectories.test(text) ? onHost(text) : path;
};
export { redirectPodFiles };
