import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import { ports } from "../../fission/Labels.ts"
import { expressRequest, type ExpressResponse, expressResponse } from "./express.ts"
import { loadEntry, resolveEntry, type UserFunction } from "./functionModule.ts"
import { invoke } from "./invocation.ts"
import { textAt } from "./json.ts"
import { redirectPodFiles } from "./podFiles.ts"
import { endWithParent, listen, log, numberFrom, onHost, rehearse } from "./podProcess.ts"
import { BodyRefused, bytesOf, parseBody } from "./requestBody.ts"

/*
 * The runtime of a pod of the embedded cluster: what Fission's Node.js images run
 * (function-pod-protocol.md sections 10.1 to 10.3), without web sockets, as a program of its own.
 *
 *   nodeRuntime.ts [--port 8888] [--codepath /userfunc/user]
 *
 * POD_IP is the address to listen on, POD_ROOT the directory on the host that holds the pod's files; LOAD_ESM and
 * BODY_PARSER_LIMIT as in the stock image. To make it misbehave: RUNTIME_LISTEN_DELAY_MS, RUNTIME_LOAD_DELAY_MS,
 * RUNTIME_LOAD_STATUS, RUNTIME_ALLOW_SECOND_LOAD=true, RUNTIME_CRASH_AFTER_LOAD=true.
 */

const { values: flags } = parseArgs({
  options: { port: { type: "string" }, codepath: { type: "string", default: "/userfunc/user" } }
})
const port = Number(flags.port ?? ports.runtime)
const esm = process.env["LOAD_ESM"] !== "false"
const bodyLimit = bytesOf(process.env["BODY_PARSER_LIMIT"] ?? "1mb")
const maySpecializeAgain = process.env["RUNTIME_ALLOW_SECOND_LOAD"] === "true"

let userFunction: UserFunction | undefined

const load = async (path: string, functionName: string, response: ExpressResponse): Promise<void> => {
  if (userFunction !== undefined && !maySpecializeAgain) {
    return void response.status(400).send("Not a generic container")
  }
  await sleep(numberFrom("RUNTIME_LOAD_DELAY_MS") ?? 0)
  const status = numberFrom("RUNTIME_LOAD_STATUS")
  if (status !== undefined) return void response.status(status).send(`told to answer ${status}`)
  try {
    userFunction = await loadEntry(resolveEntry(onHost(path), functionName, esm), esm)
    response.status(202).send()
    if (process.env["RUNTIME_CRASH_AFTER_LOAD"] === "true") response.on("finish", () => process.exit(1))
  } catch (cause) {
    log(`cannot load ${path}`, cause)
    response.status(500).send(JSON.stringify(cause))
  }
}

redirectPodFiles()
endWithParent()
await sleep(numberFrom("RUNTIME_LISTEN_DELAY_MS") ?? 0)
await listen(port, async (request, plainResponse) => {
  const response = expressResponse(plainResponse)
  try {
    const body = await parseBody(request, bodyLimit)
    const path = request.url?.split("?")[0]
    if (request.method === "POST" && path === "/specialize") return await load(flags.codepath, "", response)
    if (request.method === "POST" && path === "/v2/specialize") {
      return await load(textAt(body, "filepath"), textAt(body, "functionName"), response)
    }
    if (userFunction === undefined) {
      return void response.status(500).send("Generic container: no requests supported")
    }
    await invoke(userFunction, expressRequest(request, body), response)
  } catch (cause) {
    if (!(cause instanceof BodyRefused)) throw cause
    response.set("connection", "close").status(cause.status).send(cause.message)
  }
})

const emptyModule: string = "data:text/javascript,"
await import(emptyModule)
await rehearse(async (request, response) => void expressResponse(response).send(await parseBody(request, bodyLimit)))
