import { Effect, Random } from "effect"

/**
 * Hands out loopback addresses, each once only, so that nobody reaches a new pod by the address of an old one. They are
 * chosen at random among the 16 million of 127.0.0.0/8 outside 127.0.0.0/16, because other clusters may run on the same
 * machine. Only Linux lets a process listen on them without further ado.
 */
export const make = (): Effect.Effect<string> => {
  const used = new Set<string>()
  const next: Effect.Effect<string> = Effect.gen(function* () {
    const parts = [yield* between(1, 254), yield* between(0, 255), yield* between(1, 254)]
    const address = `127.${parts.join(".")}`
    if (used.has(address)) return yield* next
    used.add(address)
    return address
  })
  return next
}

const between = (least: number, most: number) => Random.nextIntBetween(least, most)
