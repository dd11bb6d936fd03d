import { log } from "./podProcess.mjs";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
// src/devcluster/pod/pythonRuntime.ts
const isExecutable = (path) => {
	try {
		accessSync(path, constants.X_OK);
		return true;
	} catch {
		return false;
	}
};
const python = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "python3")).find(isExecutable);
if (python === void 0) {
	log("no python3 is installed, so functions in Python cannot run here");
	process.exit(1);
}
process.execve?.(python, [
	python,
	"-u",
	fileURLToPath(new URL("pythonRuntime.py", import.meta.url))
]);
export {};
