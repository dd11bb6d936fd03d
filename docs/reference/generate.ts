import { readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { parseSync } from "rolldown/utils"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** Where the reference is kept. */
export const referenceFile = join(root, "docs/reference/api.md")

type Statement = ReturnType<typeof parseSync>["program"]["body"][number]
type Declaration = Extract<Statement, { readonly type: "ExportNamedDeclaration" }>["declaration"]

/** A source file with its comments, of which declarations and members have one right before them. */
const sourceOf = (file: string) => {
  const text = readFileSync(file, "utf8")
  const { comments, errors, program } = parseSync(file, text)
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message ?? ""}`)
  return { text, comments, program }
}
type Source = ReturnType<typeof sourceOf>

/** The text of a doc comment, without its stars. */
const docBefore = ({ comments, text }: Source, start: number): string => {
  const comment = comments.findLast(({ end }) => end <= start)
  if (comment === undefined || text.slice(comment.end, start).trim() !== "" || !comment.value.startsWith("*")) return ""
  return comment.value
    .slice(1)
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/u, "").trimEnd())
    .join("\n")
    .trim()
}

/** What a reader has to know of a declaration, as TypeScript. */
const signatureOf = (source: Source, name: string, declaration: Declaration): string => {
  const { text } = source
  const slice = ({ end, start }: { readonly start: number; readonly end: number }) => text.slice(start, end)
  if (declaration?.type === "TSInterfaceDeclaration" || declaration?.type === "TSTypeAliasDeclaration") {
    return slice(declaration)
  }
  // Of a class what it is made of; its layers are for those who build a whole executor.
  if (declaration?.type === "ClassDeclaration") return text.slice(declaration.start, declaration.body.start).trim()
  if (declaration?.type === "VariableDeclaration") {
    const value = declaration.declarations[0]?.init
    if (value?.type !== "ArrowFunctionExpression") return slice(declaration)
    return `const ${name}: ${text
      .slice(value.start, value.body.start)
      .trim()
      .replace(/\): (.*) =>$/su, ") => $1")}`
  }
  throw new Error(`${name}: a declaration of an unknown form`)
}

const namesOf = (declaration: Declaration): ReadonlyArray<string> => {
  if (declaration?.type === "VariableDeclaration") {
    return declaration.declarations.flatMap(({ id }) => (id.type === "Identifier" ? [id.name] : []))
  }
  return declaration != null && "id" in declaration && declaration.id?.type === "Identifier"
    ? [declaration.id.name]
    : []
}

/** The section of one export: every declaration of its name, so of a schema its value and its type. */
const sectionOf = (file: string, name: string): string => {
  const source = sourceOf(file)
  const found = source.program.body.flatMap((statement) =>
    statement.type === "ExportNamedDeclaration" && namesOf(statement.declaration).includes(name)
      ? [{ start: statement.start, declaration: statement.declaration }]
      : []
  )
  if (found.length === 0) throw new Error(`${file} exports no ${name}`)
  const docs = found.map(({ start }) => docBefore(source, start)).filter((doc) => doc !== "")
  if (docs.length === 0) throw new Error(`${name} has no doc comment`)
  const code = found.map(({ declaration }) => signatureOf(source, name, declaration)).join("\n\n")
  return `### ${name}\n\n${docs.join("\n\n")}\n\n\`\`\`ts\n${code}\n\`\`\`\n`
}

/** The reference of everything that the package exports, in the order of `src/index.ts` and under its comments. */
export const reference = (): string => {
  const index = join(root, "src/index.ts")
  const source = sourceOf(index)
  const parts = source.program.body.flatMap((statement) => {
    if (statement.type !== "ExportNamedDeclaration" || statement.source === null) return []
    const file = join(dirname(index), statement.source.value)
    const heading = source.comments.findLast(({ end }) => end <= statement.start)
    const isFirst = heading !== undefined && source.text.slice(heading.end, statement.start).trim() === ""
    const sections = statement.specifiers.flatMap(({ exported }) =>
      exported.type === "Identifier" ? [sectionOf(file, exported.name)] : []
    )
    return isFirst ? [`## ${heading.value.trim().replace(/\.$/u, "")}\n`, ...sections] : sections
  })
  return `# Reference\n\nEverything that \`import … from "fission-executor"\` offers. Generated from the doc comments by \`npm run reference\`.\n\n${parts.join("\n")}`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) writeFileSync(referenceFile, reference())
