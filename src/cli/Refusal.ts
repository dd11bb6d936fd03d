import { Console, Data, Effect } from "effect"

/** The process ends with this code; what there was to say has been said. */
export class Refusal extends Data.TaggedError("Refusal")<{ readonly exitCode: number }> {}

/** Says in one line on standard error what is wrong, and ends the process with this code. */
export const refuse = (message: string, exitCode: number): Effect.Effect<never, Refusal> =>
  Effect.andThen(Console.error(`fission-executor: ${message}`), Effect.fail(new Refusal({ exitCode })))
