import { Console, Data, Effect } from "effect";
// src/cli/Refusal.ts
/** The process ends with this code; what there was to say has been said. */
var Refusal = class extends Data.TaggedError("Refusal") {};
/** Says in one line on standard error what is wrong, and ends the process with this code. */
const refuse = (message, exitCode) => Effect.andThen(Console.error(`fission-executor: ${message}`), Effect.fail(new Refusal({ exitCode })));
export { Refusal, refuse };
