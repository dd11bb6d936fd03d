import { get } from "node:http"
import { connect } from "node:net"
import { Data, Duration, Effect } from "effect"
import { addressOf } from "../../fission/Address.ts"
import { start } from "./ContainerProcess.ts"
import type { Container, Handler, HttpGet } from "./PodObject.ts"

/** A probe or a hook did not succeed; the message says why. */
export class HandlerError extends Data.TaggedError("HandlerError")<{ readonly message: string }> {}

/** The container that a probe or a hook is about. */
export interface HandlerTarget {
  readonly container: Container
  readonly address: string
  /** Where a command runs. */
  readonly directory: string
  readonly environment: { readonly [name: string]: string }
}

/** Does what a probe or a hook asks for, without a time limit. Interrupting it ends a command that runs. */
export type RunHandler = (handler: Handler) => Effect.Effect<void, HandlerError>

/** Handlers of one container. A command is a process of this machine in the pod's directory. */
export const handlersOf =
  (target: HandlerTarget): RunHandler =>
  ({ exec, httpGet, sleep, tcpSocket }) => {
    if (sleep) return Effect.sleep(Duration.seconds(sleep.seconds))
    if (httpGet) return ask(urlOf(httpGet, target), headersOf(httpGet))
    if (tcpSocket) return reach(tcpSocket.host ?? target.address, portOf(tcpSocket.port, target.container))
    return exec ? execute(target, exec.command ?? []) : Effect.void
  }

const portOf = (port: number | string, { ports }: Container): number =>
  typeof port === "number" ? port : (ports?.find(({ name }) => name === port)?.containerPort ?? Number(port))

const urlOf = ({ host, path, port }: HttpGet, { address, container }: HandlerTarget): string =>
  `http://${addressOf(host ?? address, portOf(port, container))}/${(path ?? "").replace(/^\//u, "")}`

const headersOf = ({ httpHeaders }: HttpGet): { readonly [name: string]: string } =>
  Object.fromEntries((httpHeaders ?? []).map(({ name, value }) => [name, value]))

/** One request, on a connection of its own; a status from 200 to 399 is a success. */
const ask = (url: string, headers: { readonly [name: string]: string }): Effect.Effect<void, HandlerError> =>
  Effect.callback<void, HandlerError>((resume) => {
    const fail = (message: string) => resume(new HandlerError({ message }))
    const request = get(url, { agent: false, headers: { "user-agent": "kube-probe/1.36", ...headers } }, (response) => {
      const { statusCode = 0 } = response
      response.on("error", () => {}).resume()
      if (statusCode >= 200 && statusCode < 400) resume(Effect.void)
      else fail(`HTTP probe failed with statuscode: ${statusCode}`)
    })
    request.on("error", ({ message }) => fail(`Get "${url}": ${message}`))
    return Effect.sync(() => request.destroy())
  })

const reach = (host: string, port: number): Effect.Effect<void, HandlerError> =>
  Effect.callback<void, HandlerError>((resume) => {
    const socket = connect({ host, port })
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", ({ message }) => resume(new HandlerError({ message: `dial tcp ${host}:${port}: ${message}` })))
    return Effect.sync(() => socket.destroy())
  })

const execute = Effect.fnUntraced(function* (
  { directory, environment }: HandlerTarget,
  [command = "", ...parameters]: ReadonlyArray<string>
) {
  const lines: Array<string> = []
  const onLine = (line: string) => void lines.push(line)
  const { exitCode } = yield* Effect.scoped(
    Effect.flatMap(start({ command, parameters, directory, environment, onLine }), ({ exited }) => exited)
  )
  if (exitCode === 0) return
  return yield* new HandlerError({ message: `command ${command} ended with ${exitCode}: ${lines.join("\n")}` })
})
