import { Data } from "effect";
// src/podspec/PodSpecError.ts
/** An Environment or a Function from which no pod can be made; it stays so until somebody edits it. */
var PodSpecError = class extends Data.TaggedError("PodSpecError") {
	get message() {
		return `${this.subject}: ${this.problems.join("; ")}`;
	}
};
export { PodSpecError };
