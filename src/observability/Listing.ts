import { Effect, Result } from "effect"

/** The parameters by which a part of a list is asked for. */
export const partParameters = ["search", "offset", "limit"] as const

/** Which part of a list is asked for. */
export interface Part {
  /** Lower-case text that a subject's name must contain; empty: every one. */
  readonly search: string
  /** How many to leave out at the beginning. */
  readonly offset: number
  /** Most that are given. */
  readonly limit: number
}

/** What a list shows of a subject without describing it: enough to find it, count it and put it in order. */
export interface Row<A> {
  readonly subject: A
  /** `<namespace>/<name>`. */
  readonly name: string
  readonly state: string
}

/** A part of a list, and what there is in all. */
export interface Listed<A> {
  /** How many the search found. */
  readonly total: number
  readonly offset: number
  /** How many of those are in each state. */
  readonly states: { readonly [state: string]: number }
  readonly subjects: ReadonlyArray<A>
}

/** Most objects that one answer describes. */
const largestPart = 500

/** How many subjects are looked at before others may run. */
const stride = 250

const wholeNumber = (query: URLSearchParams, name: string, fallback: number): Result.Result<number, string> => {
  const text = query.get(name)
  if (text === null) return Result.succeed(fallback)
  return /^\d{1,9}$/u.test(text)
    ? Result.succeed(Number(text))
    : Result.fail(`${name}: "${text}" is not a whole number from 0`)
}

/** The part that a query asks for, or one line about what is wrong with it. Without a `limit` it is `limit` long. */
export const partOf = (query: URLSearchParams, limit: number): Result.Result<Part, string> =>
  Result.gen(function* () {
    const offset = yield* wholeNumber(query, "offset", 0)
    const wished = yield* wholeNumber(query, "limit", limit)
    if (query.has("limit") && wished > largestPart) {
      return yield* Result.fail(`limit: at most ${largestPart} at a time`)
    }
    return { search: (query.get("search") ?? "").trim().toLowerCase(), offset, limit: wished }
  })

/** Whether a search finds something by one of its texts. */
export const isFound = ({ search }: Part, ...texts: ReadonlyArray<string>): boolean =>
  search === "" || texts.some((text) => text.toLowerCase().includes(search))

/** The rows of all subjects; undefined leaves one out. Lets others run meanwhile, however many there are. */
export const rowsOf = Effect.fnUntraced(function* <A, B>(
  subjects: Iterable<A>,
  rowOf: (subject: A) => Row<B> | undefined
) {
  const rows: Array<Row<B>> = []
  let looked = 0
  for (const subject of subjects) {
    if (++looked % stride === 0) yield* Effect.yieldNow
    const row = rowOf(subject)
    if (row !== undefined) rows.push(row)
  }
  return rows
})

/** Puts rows in the order of their states, worst first, then of their names, and takes the part out. */
export const listed = <A>(
  rows: ReadonlyArray<Row<A>>,
  { limit, offset }: Part,
  worstFirst: ReadonlyArray<string>
): Listed<A> => {
  const states: { [state: string]: number } = {}
  for (const { state } of rows) states[state] = (states[state] ?? 0) + 1
  const rank = new Map(worstFirst.map((state, index) => [state, index]))
  const rankOf = ({ state }: Row<A>) => rank.get(state) ?? rank.size
  const ordered = rows.toSorted(
    (left, right) => rankOf(left) - rankOf(right) || (left.name < right.name ? -1 : Number(left.name > right.name))
  )
  return {
    total: rows.length,
    offset,
    states,
    subjects: ordered.slice(offset, offset + limit).map(({ subject }) => subject)
  }
}
