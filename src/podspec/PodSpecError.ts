import { Data } from "effect"

/** An Environment from which no pod can be made; it stays so until somebody edits it. */
export class PodSpecError extends Data.TaggedError("PodSpecError")<{
  /** Namespace and name. */
  readonly environment: string
  /** Everything that is wrong with it, a sentence each; never empty. */
  readonly problems: ReadonlyArray<string>
}> {
  override get message(): string {
    return `environment ${this.environment}: ${this.problems.join("; ")}`
  }
}
