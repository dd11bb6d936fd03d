/** What is wrong with a text, in the words of a Kubernetes server; empty when it keeps the rule. */
type Problems = ReadonlyArray<string>

/** A pattern that a whole text has to match. */
interface Pattern {
  readonly source: string
  readonly whole: RegExp
}

const pattern = (source: string): Pattern => ({ source, whole: new RegExp(`^${source}$`, "u") })

const label = pattern("[a-z0-9]([-a-z0-9]*[a-z0-9])?")
const subdomain = pattern(`${label.source}(\\.${label.source})*`)
const qualified = pattern("([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
const labelValue = pattern(`(${qualified.source})?`)

const breaks = ({ whole }: Pattern, text: string): boolean => !whole.test(text)

const unlike = (rule: string, { source }: Pattern, ...examples: ReadonlyArray<string>): string =>
  `${rule} (e.g. ${examples.map((example) => `'${example}'`).join(",  or ")}, regex used for validation is '${source}')`

const lowerCase = "must consist of lower case alphanumeric characters"
const mixed = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const ends = "and must start and end with an alphanumeric character"

/** The rule of most names: several labels with dots between them, at most 253 characters. */
export const subdomainProblems = (text: string): Problems => [
  ...(text.length > 253 ? ["must be no more than 253 characters"] : []),
  ...(breaks(subdomain, text)
    ? [unlike(`a lowercase RFC 1123 subdomain ${lowerCase}, '-' or '.', ${ends}`, subdomain, "example.com")]
    : [])
]

/** The rule of Namespaces, Services and containers: one label, at most 63 characters. */
export const labelProblems = (text: string): Problems => {
  if (text.includes(".")) return ["must not contain dots"]
  return [
    ...(text.length > 63 ? ["must be no more than 63 characters"] : []),
    ...(breaks(label, text)
      ? [unlike(`a lowercase RFC 1123 label ${lowerCase} or '-', ${ends}`, label, "my-name", "123-abc")]
      : [])
  ]
}

/** The rule of keys of labels and annotations: a name, at most 63 bytes, with or without `prefix/`. */
export const keyProblems = (text: string): Problems => {
  const parts = text.split("/")
  const examples = ["MyName", "my.name", "123-abc"]
  if (parts.length > 2) {
    const rule = unlike(`a valid label key must consist of ${mixed}`, qualified, ...examples)
    return [`${rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  }
  const name = parts.at(-1) ?? ""
  const prefix = parts.length === 2 ? parts[0] : undefined
  return [
    ...(prefix === "" ? ["prefix part must be non-empty"] : []),
    ...(prefix ? subdomainProblems(prefix).map((problem) => `prefix part ${problem}`) : []),
    ...(name === "" ? ["name part must be non-empty"] : []),
    ...(name.length > 63 ? ["name part must be no more than 63 bytes"] : []),
    ...(breaks(qualified, name) ? [unlike(`name part must consist of ${mixed}`, qualified, ...examples)] : [])
  ]
}

/** The rule of the values of labels: nothing, or a name of at most 63 bytes. */
export const labelValueProblems = (text: string): Problems => [
  ...(text.length > 63 ? ["must be no more than 63 bytes"] : []),
  ...(breaks(labelValue, text)
    ? [
        unlike(
          `a valid label must be an empty string or consist of ${mixed}`,
          labelValue,
          "MyValue",
          "my_value",
          "12345"
        )
      ]
    : [])
]
