import { Data } from "effect"

/** An Environment from which no pod can be made; it stays so until somebody edits it. */
export class PodSpecError extends Data.TaggedError("PodSpecError")<{
  readonly environment: string
  readonly problem: string
}> {
  override get message(): string {
    return `environment ${this.environment}: ${this.problem}`
  }
}
