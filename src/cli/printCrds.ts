import { readFileSync } from "node:fs"
import { Console } from "effect"
import { definitionFiles } from "../devcluster/CustomResources.ts"

/** Prints every CustomResourceDefinition of this package as one YAML stream. */
export const printCrds = Console.log(definitionFiles.map((file) => readFileSync(file, "utf8").trim()).join("\n---\n"))
