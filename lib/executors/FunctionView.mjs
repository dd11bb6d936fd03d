import { FissionError } from "../Errors.mjs";
import { Effect } from "effect";
// src/executors/FunctionView.ts
/** The view of the namespace that a Function is in; 500 for one that this executor does not serve. */
const viewOf = (supervisor, { metadata }) => {
	const view = supervisor.cell(metadata.namespace ?? "")?.view;
	if (view !== void 0) return Effect.succeed(view);
	const text = `namespace "${metadata.namespace ?? ""}" is not among the namespaces that this executor serves`;
	return Effect.fail(new FissionError({
		kind: "Internal",
		text
	}));
};
export { viewOf };
