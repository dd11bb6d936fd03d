import { ConfigurationError } from "../Errors.mjs";
import { timingOf } from "../kubernetes/LeaseElection.mjs";
import { Effect } from "effect";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
// src/safeguards/Candidate.ts
/** Written by the kubelet into every container that has a service account. */
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
const ownNamespace = () => {
	try {
		return readFileSync(namespaceFile, "utf8").trim();
	} catch {
		return "";
	}
};
/** An address under which other machines reach this one; the chart gives a pod no variable that holds its own. */
const ownAddress = () => {
	const addresses = Object.values(networkInterfaces()).flatMap((known) => known ?? []).filter(({ internal, scopeid }) => !internal && (scopeid ?? 0) === 0);
	return (addresses.find(({ family }) => family === "IPv4") ?? addresses[0])?.address;
};
const hostAndPort = (host, port) => host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
/**
* This process in the election for the Lease `fission-executor` (configuration-and-deployment.md section 8), reached at
* the host that it listens on, or at an address of this machine. Fails where the Lease would have no namespace.
*/
const candidateOf = (settings, listens) => Effect.suspend(() => {
	const namespace = settings.leaseNamespace === "" ? ownNamespace() : settings.leaseNamespace;
	if (namespace === "") return new ConfigurationError({
		setting: "LEADER_ELECTION_ENABLED",
		detail: "the Lease has no namespace outside a pod; set FISSION_LEASE_NAMESPACE"
	});
	return Effect.succeed({
		identity: `${hostname()}_${randomUUID()}`,
		address: hostAndPort(listens.host ?? ownAddress() ?? "127.0.0.1", listens.port),
		lease: {
			namespace,
			name: "fission-executor"
		},
		timing: timingOf(settings.leaseDuration)
	});
});
export { candidateOf };
