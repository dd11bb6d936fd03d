import { Layer } from "effect"
import { runCommandLine } from "fission-executor"
import { decisionFile } from "./decisionFile.ts"
import { externalType } from "./externalType.ts"
import { registryPolicy } from "./registryPolicy.ts"

runCommandLine(
  Layer.mergeAll(
    externalType,
    registryPolicy(process.env["ALLOWED_REGISTRY"] ?? "ghcr.io"),
    decisionFile(process.env["DECISION_FILE"] ?? "/tmp/decisions.jsonl")
  )
)
