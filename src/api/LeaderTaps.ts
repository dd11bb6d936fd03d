import { Clock, Duration, Effect, Latch, type Scope } from "effect"
import { type Agent, request as send } from "undici"
import type { Tap } from "../executors/Dispatcher.ts"
import { type ChannelKey, signedHeaders } from "../fission/RequestSignature.ts"
import type { Leadership } from "../safeguards/Leadership.ts"
import { encodeTaps } from "./Bodies.ts"

/** Marks a request that one replica has sent to another: it is not passed on again. */
export const forwardedHeader = "X-Fission-Executor-Forwarded"

/** How long accesses are gathered before the leader is told of them: far less than any idle time-out. */
const gatheredFor = Duration.seconds(1)
/** Longest wait for the leader's answer. */
const answeredWithin = Duration.seconds(2)
/** Accesses of one request; the others go with the next. */
const atOnce = 1000

const target = "/v2/tapServices"

/** Notes an access that the leader is to be told of. Returns at once. */
export type TellLeader = (access: Tap) => void

/**
 * Tells the leader which addresses a stand-by gave out by itself, so that it does not take them for idle (http-api.md
 * section 5). In batches, each address once; best effort: what the leader does not take is forgotten. `key`: what
 * requests are signed with, undefined where internal auth is off.
 */
export const make = (given: {
  readonly leader: Leadership["Service"]["leader"]
  readonly agent: Agent
  readonly key: ChannelKey | undefined
}): Effect.Effect<TellLeader, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { agent, key, leader } = given
    const accesses = new Map<string, Tap>()
    const noted = yield* Latch.make()

    const take = () => {
      const batch = [...accesses].slice(0, atOnce)
      for (const [address] of batch) accesses.delete(address)
      if (accesses.size === 0) noted.closeUnsafe()
      return batch.map(([, access]) => access)
    }

    const tell = Effect.fnUntraced(function* (address: string, batch: ReadonlyArray<Tap>) {
      const body = encodeTaps(batch)
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const signature = key === undefined ? {} : signedHeaders(key, { method: "POST", target, body }, now)
      yield* Effect.tryPromise(async (signal) => {
        const headers = { "content-type": "application/json", [forwardedHeader]: "1", ...signature }
        const answer = await send(`http://${address}${target}`, {
          method: "POST",
          headers,
          body,
          dispatcher: agent,
          signal
        })
        await answer.body.dump()
      }).pipe(Effect.timeout(answeredWithin), Effect.ignore({ log: "Debug" }))
    })

    const tellNext = Effect.gen(function* () {
      yield* noted.await
      yield* Effect.sleep(gatheredFor)
      const batch = take()
      const address = leader()
      if (address !== undefined) yield* tell(address, batch)
    })
    yield* Effect.forkScoped(Effect.forever(tellNext))

    return (access) => {
      accesses.set(access.address, access)
      noted.openUnsafe()
    }
  })
