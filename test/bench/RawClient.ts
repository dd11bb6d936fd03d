import { connect, type Socket } from "node:net"
import { Clock, Effect } from "effect"
import type { HttpCall } from "../fakes/HttpExchange.ts"

/*
 * A client so plain that a measurement is about the server: prepared bytes on sockets that stay open. It takes an answer
 * for one packet, which short ones on the loopback interface are.
 */

/** A POST as it goes over the wire. */
export const bytesOf = ({ body = "", headers = {}, path }: HttpCall): string => {
  const fields = Object.entries({ ...headers, "Content-Length": String(Buffer.byteLength(body)) })
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")
  return `POST ${path} HTTP/1.1\r\nHost: executor\r\nX-Fission-Request-ID: bench\r\n${head}\r\n${String(body)}`
}

/** Connections to a port of 127.0.0.1. The caller closes them. */
export const openSockets = (port: number, count: number): ReadonlyArray<Socket> =>
  Array.from({ length: count }, () => connect(port, "127.0.0.1").setNoDelay())

/** What a connection sends after an answer; `undefined` before the first. */
export type Next = (answer: string | undefined) => string

/**
 * Sends `count` requests, one at a time on each connection, and tells how long each took (milliseconds). Ends with a
 * defect at the first answer that is no 200.
 */
export const load = (
  connections: ReadonlyArray<Socket>,
  count: number,
  next: Next
): Effect.Effect<ReadonlyArray<number>> =>
  Effect.flatMap(Clock.Clock, (clock) =>
    Effect.promise(async () => {
      const times: Array<number> = []
      let open = count
      const drive = (socket: Socket) =>
        new Promise<void>((resolve, reject) => {
          let sentAt = 0n
          const send = (answer: string | undefined) => {
            if (open-- <= 0) return resolve(void socket.off("data", onData))
            sentAt = clock.monotonicTimeNanosUnsafe()
            socket.write(next(answer))
          }
          const onData = (chunk: Buffer) => {
            times.push(Number(clock.monotonicTimeNanosUnsafe() - sentAt) / 1e6)
            const answer = chunk.toString("latin1")
            if (answer.startsWith("200", 9)) send(answer.slice(answer.indexOf("\r\n\r\n") + 4))
            else reject(new Error(answer))
          }
          socket.on("data", onData)
          send(undefined)
        })
      await Promise.all(connections.map(drive))
      return times
    })
  )

/** The value below which this share of the values lies. */
export const percentile = (values: ReadonlyArray<number>, share: number): number =>
  values.toSorted((left, right) => left - right)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0
