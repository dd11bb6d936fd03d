/** A complete answer. */
export interface Page {
  readonly status: number
  readonly contentType: string
  /** Beside those that every page has. */
  readonly headers?: { readonly [name: string]: string }
  readonly body: string
}

/** One line for a person. */
export const text = (status: number, line: string): Page => ({
  status,
  contentType: "text/plain; charset=utf-8",
  body: `${line}\n`
})

/** A value as indented JSON. */
export const json = (value: unknown): Page => ({
  status: 200,
  contentType: "application/json",
  body: `${JSON.stringify(value, undefined, 2)}\n`
})
