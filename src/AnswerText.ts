/** What was read of an answer's body. */
export interface AnswerText {
  readonly text: string
  /** False where there was more, which nobody read: the connection has ended. */
  readonly isWhole: boolean
}

/** The body of an answer as UTF-8, up to about `limit` bytes. Rejects with whatever breaks the connection. */
export const readText = async (body: AsyncIterable<Uint8Array>, limit: number): Promise<AnswerText> => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    size += chunk.length
    if (size > limit) return { text: textOf(chunks).slice(0, limit), isWhole: false }
  }
  return { text: textOf(chunks), isWhole: true }
}

const textOf = (chunks: ReadonlyArray<Uint8Array>): string => Buffer.concat(chunks).toString("utf8")
