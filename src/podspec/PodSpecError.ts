import { Data } from "effect"

/** An Environment or a Function from which no pod can be made; it stays so until somebody edits it. */
export class PodSpecError extends Data.TaggedError("PodSpecError")<{
  /** What is wrong, as `environment default/nodejs`. */
  readonly subject: string
  /** Everything that is wrong with it, a sentence each; never empty. */
  readonly problems: ReadonlyArray<string>
}> {
  override get message(): string {
    return `${this.subject}: ${this.problems.join("; ")}`
  }
}
