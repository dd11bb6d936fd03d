import { Circuits } from "../namespaces/Circuits.mjs";
import { Supervisor } from "../namespaces/Supervisor.mjs";
import { Leadership } from "../safeguards/Leadership.mjs";
import { storeOf } from "./NamespaceReport.mjs";
import { Duration, Effect, Metric } from "effect";
// src/observability/Gauges.ts
/** Every state has a series, 0 or 1, so that a change shows in each. */
const states = [
	"Starting",
	"Healthy",
	"Stale",
	"BackingOff",
	"Blocked"
];
const circuitState = Metric.gauge("fission_executor_circuit_state", { description: "1 while calls of a namespace are refused or one of them probes, else 0" });
const namespaceState = Metric.gauge("fission_executor_namespace_state", { description: "1 for the state that a namespace is in, 0 for the others" });
const watchAge = Metric.gauge("fission_executor_watch_age_seconds", { description: "Time since the last list, event or bookmark; -1 before the first complete list" });
const leads = Metric.gauge("fission_executor_leader", { description: "1 while this replica leads, else 0; without an election every replica leads" });
/** The name that dashboards for controllers know it by (observability.md section 4). */
const electionMaster = Metric.gauge("leader_election_master_status", { description: "1 while this replica holds the lease of the name, else 0" });
/**
* Brings the gauges about namespaces and the leader up to date, for a scrape. Their labels are the namespaces of the configuration and
* the kinds that are watched, so their number is bounded.
*/
const refresh = Effect.gen(function* () {
	const isLeader = Number((yield* Leadership).role() === "Leader");
	yield* Metric.update(leads, isLeader);
	yield* Metric.update(Metric.withAttributes(electionMaster, { name: "fission-executor" }), isLeader);
	const { cells } = yield* Supervisor;
	const circuits = yield* Circuits;
	for (const cell of cells) {
		const { namespace, workloadNamespace } = cell.view;
		const isOpen = [namespace, workloadNamespace].some(circuits.isOpen);
		yield* Metric.update(Metric.withAttributes(circuitState, { namespace }), Number(isOpen));
		for (const state of states) {
			const gauge = Metric.withAttributes(namespaceState, {
				namespace,
				state
			});
			yield* Metric.update(gauge, Number(cell.health().state === state));
		}
		for (const { namespace, resource } of cell.kinds()) {
			const age = yield* storeOf(cell.view, resource)?.age ?? Effect.succeed(Duration.infinity);
			const gauge = Metric.withAttributes(watchAge, {
				resource,
				namespace
			});
			yield* Metric.update(gauge, Duration.isFinite(age) ? Duration.toSeconds(age) : -1);
		}
	}
});
export { refresh };
