import { createHash } from "node:crypto"
import type { ObjectMeta } from "./ObjectMeta.ts"

/** Longest name of a Service. */
const nameLimit = 63

const hash8 = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8)

/**
 * Name of a function's headless Service: `fn-<name>-<hash of the UID>`, with a suffix for a published version; the name of
 * the function is cut where the whole would be longer than 63 characters (poolmgr.md section 10).
 *
 * @param version name of the FunctionVersion; empty for the function itself
 */
export const functionServiceName = ({ name, uid }: Pick<ObjectMeta, "name" | "uid">, version: string): string => {
  const end = `-${hash8(uid ?? "")}${versionSuffix(version)}`
  return `fn-${name}`.slice(0, nameLimit - end.length) + end
}

/** `-v3` for the version `hello-v3`, a hash for a name of another form. A sequence has 19 digits at most. */
const versionSuffix = (version: string): string =>
  version === "" ? "" : (/-v\d{1,19}$/u.exec(version)?.[0] ?? `-v${hash8(version)}`)
