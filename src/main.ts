import "effect/schema/SchemaJITCompiler/enable"
import { runCommandLine } from "./cli/CommandLine.ts"

runCommandLine()
