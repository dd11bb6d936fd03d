import { Context, Effect, Layer, Random } from "effect"

const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

/** Names this process on the objects it writes: eight lower-case characters, new at each start (lifecycle.md section 5). */
export class InstanceId extends Context.Service<InstanceId, { readonly value: string }>()(
  "fission-executor/executors/InstanceId"
) {
  static readonly layer = Layer.effect(
    InstanceId,
    Effect.gen(function* () {
      let value = ""
      while (value.length < 8)
        value += alphabet[yield* Random.nextIntBetween(0, alphabet.length, { halfOpen: true })] ?? ""
      return InstanceId.of({ value })
    })
  )
}
