import { Effect, Metric } from "effect";
// src/kubernetes/CallMetrics.ts
/** Attempts after a failure: calls, work items, lists and watches alike (failure-semantics.md section 9.7). */
const retries = Metric.counter("fission_executor_api_retries_total", {
	description: "Attempts to repeat something after the Kubernetes API failed it",
	incremental: true
});
const errors = Metric.counter("fission_executor_api_errors_total", {
	description: "Calls to the Kubernetes API that failed, by the class of the failure",
	incremental: true
});
/** Counts each failure of a call under its class; changes nothing else. Calls that were never sent do not belong here. */
const countErrors = ({ namespace = "", resource, verb }) => (self) => Effect.tapError(self, (error) => Metric.update(Metric.withAttributes(errors, {
	verb,
	resource,
	namespace,
	class: classOf(error)
}), 1));
/** The class as failure-semantics.md section 2 names it. */
const classOf = (error) => {
	const name = error._tag.replace("Kubernetes", "");
	if (error._tag === "KubernetesTimeoutError") return `${name}.${error.kind}`;
	return error._tag === "KubernetesFatalError" ? `${name}.${error.scope}` : name;
};
export { countErrors, retries };
