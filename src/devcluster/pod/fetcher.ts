import { chmodSync, mkdirSync, readFileSync, existsSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { ports } from "../../fission/Labels.ts"
import { makeCluster } from "./cluster.ts"
import { fetcherHandler } from "./fetcherHandler.ts"
import { blankSecret, fetcherKeys } from "./fetcherKeys.ts"
import { endWithParent, listen, log, numberFrom, onHost, rehearse } from "./podProcess.ts"
import { makeFetcher } from "./specialize.ts"
import { parseSpecializeRequest } from "./specializeRequest.ts"

/*
 * The fetcher of a pod of the embedded cluster: what stock Fission runs as the container `fetcher`
 * (function-pod-protocol.md sections 2 to 9), as a program of its own.
 *
 *   fetcher.ts -secret-dir /secrets -cfgmap-dir /configs [-specialize-on-startup -specialize-request JSON] /userfunc
 *
 * POD_IP is the address to listen on, POD_ROOT the directory on the host that holds the pod's files, and
 * KUBERNETES_API_URL (with KUBERNETES_API_TOKEN) the API server. OCI_IMAGE_LAYOUT is the directory that OCI packages are
 * pulled from. To make it misbehave: FETCHER_ANSWER_DELAY_MS,
 * FETCHER_REFUSE_FOR_MS, FETCHER_DROP_ANSWER=true, FETCHER_FIXED_STATUS.
 */

const usage =
  "Usage: fetcher [-specialize-on-startup] [-specialize-request <json>] [-secret-dir <string>] [-cfgmap-dir <string>] <shared volume path>\n"

const fail = (message: string): never => {
  log(message)
  process.exit(1)
}

/** Flags as Go writes them: one dash or two, the value behind `=` or as the next argument. */
const parseArguments = (given: ReadonlyArray<string>) => {
  const flags = new Map<string, string>()
  const rest = [...given]
  while (rest[0]?.startsWith("-") === true) {
    const [name = "", ...value] = (rest.shift() ?? "").replace(/^--?/u, "").split("=")
    if (value.length > 0) flags.set(name, value.join("="))
    else flags.set(name, name === "specialize-on-startup" ? "true" : (rest.shift() ?? ""))
  }
  return { flags, sharedDirectory: rest[0] }
}

const podInfo = (file: string, variable: string): string => {
  const path = onHost(`/etc/podinfo/${file}`)
  if (existsSync(path)) return readFileSync(path, "utf8").trim()
  return process.env[variable] ?? fail(`cannot read ${path}, and ${variable} is not set`)
}

const makeDirectory = (path: string, mode: number): string => {
  const directory = onHost(path)
  if (existsSync(directory)) return directory
  mkdirSync(directory, { recursive: true })
  chmodSync(directory, mode)
  return directory
}

const { flags, sharedDirectory } = parseArguments(process.argv.slice(2))
if (sharedDirectory === undefined) {
  process.stdout.write(usage)
  process.exit(1)
}
const blank = blankSecret(process.env)
if (blank !== undefined) fail(`${blank} is set but blank`)

const directories = {
  shared: makeDirectory(sharedDirectory, 0o700),
  secrets: makeDirectory(flags.get("secret-dir") ?? "/secrets", 0o750),
  configs: makeDirectory(flags.get("cfgmap-dir") ?? "/configs", 0o750)
}
const pod = { name: podInfo("name", "POD_NAME"), namespace: podInfo("namespace", "POD_NAMESPACE") }
const cluster = makeCluster({
  pod,
  url: process.env["KUBERNETES_API_URL"] ?? fail("KUBERNETES_API_URL is not set"),
  token: process.env["KUBERNETES_API_TOKEN"] ?? ""
})
const keys = fetcherKeys(process.env, pod.namespace)
const fetcher = makeFetcher({ ...keys, directories, cluster, imageLayout: process.env["OCI_IMAGE_LAYOUT"] })

const onStartup = flags.get("specialize-on-startup") === "true"
let ready = !onStartup

endWithParent()
await sleep(numberFrom("FETCHER_REFUSE_FOR_MS") ?? 0)
await listen(
  ports.fetcher,
  fetcherHandler({
    fetcher,
    cluster,
    accepted: keys.accepted,
    isReady: () => ready,
    misbehaviour: {
      answerDelay: numberFrom("FETCHER_ANSWER_DELAY_MS"),
      dropAnswer: process.env["FETCHER_DROP_ANSWER"] === "true",
      fixedStatus: numberFrom("FETCHER_FIXED_STATUS")
    }
  })
)

await rehearse(async (_, response) => void response.end())

if (onStartup) {
  try {
    await fetcher.specialize(
      parseSpecializeRequest(flags.get("specialize-request") ?? ""),
      new AbortController().signal
    )
    ready = true
  } catch (cause) {
    // As upstream does it: never repeated, and the pod stays up without becoming ready (P10).
    log("the specialization at start failed", cause)
  }
}
