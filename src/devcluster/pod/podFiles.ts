import { syncBuiltinESMExports } from "node:module"
import { fileURLToPath } from "node:url"
import { onHost } from "./podProcess.ts"

/** What a container has at its root and a process on the host does not. */
const podDirectories = /^\/(userfunc|secrets|configs|etc\/podinfo)(\/|$)/u

const fs = process.getBuiltinModule("node:fs")

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
] as const
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
] as const

/**
 * Lets functions use the paths that they have in a container, `/userfunc`, `/secrets`, `/configs` and `/etc/podinfo`,
 * by redirecting the usual calls of `node:fs` (function-pod-protocol.md section 14).
 */
export const redirectPodFiles = (): void => {
  for (const name of [...synchronous, ...asynchronous]) redirect(fs, name)
  for (const name of asynchronous) redirect(fs.promises, name)
  syncBuiltinESMExports()
}

const redirect = (module: object, name: string): void => {
  const original: unknown = Reflect.get(module, name)
  if (typeof original !== "function") return
  const redirected = (path: unknown, ...rest: ReadonlyArray<unknown>): unknown =>
    Reflect.apply(original, module, [hostPath(path), ...rest])
  Reflect.set(module, name, Object.assign(redirected, original))
}

const hostPath = (path: unknown): unknown => {
  const text = path instanceof URL && path.protocol === "file:" ? fileURLToPath(path) : path
  return typeof text === "string" && podDirectories.test(text) ? onHost(text) : path
}
