import { version as version$1 } from "../package.mjs";
import { Console } from "effect";
import { Command } from "effect/cli";
// src/cli/version.ts
/** Version of this package. */
const version = version$1;
const versionCommand = Command.make("version", {}, () => Console.log(`fission-executor ${version}`)).pipe(Command.withDescription("Print the version"));
export { version, versionCommand };
