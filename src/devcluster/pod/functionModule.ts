import { readdirSync, readFileSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { textAt } from "./json.ts"

/** What user code hands to the runtime. */
export type UserFunction = (...parameters: ReadonlyArray<unknown>) => unknown

/** Which file holds a function, and under which name it is exported. */
export interface Entry {
  readonly path: string
  readonly exportName: string
}

/** The export of a module that has no other name. */
const defaultExport = "default"

/**
 * The entry that a load request means (function-pod-protocol.md section 10.3). `path` is a file or directory on the
 * host; `functionName` is `file`, `file.export`, or empty.
 *
 * @param esm whether `.js` is taken for an ES module, which decides the order of extensions
 */
export const resolveEntry = (path: string, functionName: string, esm: boolean): Entry => {
  const [file = "", exported] = functionName.split(".")
  const exportName = exported === undefined || exported === "" ? defaultExport : exported
  if (isFile(path)) return { path, exportName }
  const base = functionName === "" ? mainModule(path) : file
  const extensions = esm ? [".js", ".mjs", ".cjs"] : [".js", ".cjs", ".mjs"]
  const found = extensions.map((extension) => join(path, `${base}${extension}`)).find(isFile)
  return { path: found ?? join(path, base), exportName }
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/** The module of a directory when nothing names one. */
const mainModule = (directory: string): string => {
  const modules = modulesOf(directory)
  const [first] = modules
  if (first === undefined) return "index"
  if (modules.length === 1) return first
  const usual = ["index.js", "index.mjs", "index.cjs", "main.js"]
  return [packageMain(directory), ...usual].find((name) => modules.includes(name)) ?? first
}

const modulesOf = (directory: string): ReadonlyArray<string> => {
  try {
    return readdirSync(directory).filter((name) => /\.(js|mjs|cjs)$/u.test(name))
  } catch {
    return []
  }
}

const packageMain = (directory: string): string => {
  try {
    return textAt(JSON.parse(readFileSync(join(directory, "package.json"), "utf8")), "main").replace(/^\.\//u, "")
  } catch {
    return ""
  }
}

/** Loads a function. Rejects with whatever the module threw, or with a `TypeError` when the export is no function. */
export const loadEntry = async ({ exportName, path }: Entry, esm: boolean): Promise<UserFunction> => {
  const module: unknown = esm ? await import(pathToFileURL(path).href) : createRequire(path)(path)
  const found = exported(module, exportName)
  if (isUserFunction(found)) return found
  throw new TypeError(`${path} exports no function ${exportName}`)
}

/** `module.exports` of a CommonJS module counts as its default export, and its properties as named ones. */
const exported = (module: unknown, name: string): unknown => {
  const byDefault = property(module, defaultExport)
  if (name === defaultExport) return byDefault ?? module
  return property(module, name) ?? property(byDefault, name)
}

const property = (value: unknown, name: string): unknown =>
  (typeof value === "object" && value !== null) || typeof value === "function" ? Reflect.get(value, name) : undefined

const isUserFunction = (value: unknown): value is UserFunction => typeof value === "function"
