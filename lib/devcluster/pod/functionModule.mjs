import { textAt } from "./json.mjs";
import { createRequire } from "node:module";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
// src/devcluster/pod/functionModule.ts
/** The export of a module that has no other name. */
const defaultExport = "default";
/**
* The entry that a load request means (function-pod-protocol.md section 10.3). `path` is a file or directory on the
* host; `functionName` is `file`, `file.export`, or empty.
*
* @param esm whether `.js` is taken for an ES module, which decides the order of extensions
*/
const resolveEntry = (path, functionName, esm) => {
	const [file = "", exported] = functionName.split(".");
	const exportName = exported === void 0 || exported === "" ? defaultExport : exported;
	if (isFile(path)) return {
		path,
		exportName
	};
	const base = functionName === "" ? mainModule(path) : file;
	return {
		path: (esm ? [
			".js",
			".mjs",
			".cjs"
		] : [
			".js",
			".cjs",
			".mjs"
		]).map((extension) => join(path, `${base}${extension}`)).find(isFile) ?? join(path, base),
		exportName
	};
};
const isFile = (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
/** The module of a directory when nothing names one. */
const mainModule = (directory) => {
	const modules = modulesOf(directory);
	const [first] = modules;
	if (first === void 0) return "index";
	if (modules.length === 1) return first;
	return [packageMain(directory), ...[
		"index.js",
		"index.mjs",
		"index.cjs",
		"main.js"
	]].find((name) => modules.includes(name)) ?? first;
};
const modulesOf = (directory) => {
	try {
		return readdirSync(directory).filter((name) => /\.(js|mjs|cjs)$/u.test(name));
	} catch {
		return [];
	}
};
const packageMain = (directory) => {
	try {
		return textAt(JSON.parse(readFileSync(join(directory, "package.json"), "utf8")), "main").replace(/^\.\//u, "");
	} catch {
		return "";
	}
};
/** Loads a function. Rejects with whatever the module threw, or with a `TypeError` when the export is no function. */
const loadEntry = async ({ exportName, path }, esm) => {
	const module = esm ? await import(pathToFileURL(path).href) : createRequire(path)(path);
	const found = exported(module, exportName);
	if (isUserFunction(found)) return found;
	throw new TypeError(`${path} exports no function ${exportName}`);
};
/** `module.exports` of a CommonJS module counts as its default export, and its properties as named ones. */
const exported = (module, name) => {
	const byDefault = property(module, defaultExport);
	if (name === defaultExport) return byDefault ?? module;
	return property(module, name) ?? property(byDefault, name);
};
const property = (value, name) => typeof value === "object" && value !== null || typeof value === "function" ? Reflect.get(value, name) : void 0;
const isUserFunction = (value) => typeof value === "function";
export { loadEntry, resolveEntry };
