import { Console } from "effect"
import { Command } from "effect/cli"
import packageJson from "../../package.json" with { type: "json" }

/** Version of this package. */
export const version: string = packageJson.version

export const versionCommand = Command.make("version", {}, () => Console.log(`fission-executor ${version}`)).pipe(
  Command.withDescription("Print the version")
)
