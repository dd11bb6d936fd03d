import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"
import { log } from "./podProcess.ts"

/*
 * Becomes the program in pythonRuntime.py, in this very process, so that the kubelet signals Python itself. Ends with exit
 * code 1 where no python3 is installed.
 */

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const folders = (process.env["PATH"] ?? "").split(delimiter)
const python = folders.map((folder) => join(folder, "python3")).find(isExecutable)
if (python === undefined) {
  log("no python3 is installed, so functions in Python cannot run here")
  process.exit(1)
}
process.execve?.(python, [python, "-u", fileURLToPath(new URL("pythonRuntime.py", import.meta.url))])
