import { definitionFiles } from "../devcluster/CustomResources.mjs";
import { Console } from "effect";
import { readFileSync } from "node:fs";
// src/cli/printCrds.ts
/** Prints every CustomResourceDefinition of this package as one YAML stream. */
const printCrds = Console.log(definitionFiles.map((file) => readFileSync(file, "utf8").trim()).join("\n---\n"));
export { printCrds };
