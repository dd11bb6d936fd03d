import { addressOf } from "../../fission/Address.mjs";
import { ports } from "../../fission/Labels.mjs";
import { exchange, isConnectionFailure, messageOf, podAddress } from "./podProcess.mjs";
import { refuse } from "./refusal.mjs";
import { setTimeout } from "node:timers/promises";
// src/devcluster/pod/loadCall.ts
/** Milliseconds between two attempts while the runtime's port is closed; the last goes on (section 5, step 8). */
const pauses = [
	25,
	50,
	100,
	200,
	400,
	500
];
/** How long the port may stay closed, in milliseconds. */
const givenUpAfter = 42e4;
/** Has the runtime load the function. Any answer is final; rejects with the refusal that relays one from 300 on. */
const loadFunction = async (load, signal) => {
	const answer = await whenOpen(() => post(load, signal), signal).catch((cause) => {
		throw refuse("load", 500, messageOf(cause));
	});
	if (answer.status < 300) return;
	throw refuse("load", answer.status, `the runtime answered ${answer.status} - ${answer.body.toString("utf8")}`);
};
const post = (load, signal) => {
	const runtime = `http://${addressOf(podAddress, ports.runtime)}`;
	const [path, type, body] = load.environmentVersion >= 2 ? [
		"/v2/specialize",
		"application/json",
		JSON.stringify(load.body)
	] : [
		"/specialize",
		"text/plain",
		""
	];
	return exchange(new URL(path, runtime), {
		method: "POST",
		headers: { "content-type": type },
		body,
		signal
	});
};
const whenOpen = async (attempt, signal) => {
	const begun = performance.now();
	for (let failures = 0;; failures++) try {
		return await attempt();
	} catch (cause) {
		if (!isConnectionFailure(cause) || performance.now() - begun > givenUpAfter) throw cause;
		await setTimeout(pauses[Math.min(failures, pauses.length - 1)], void 0, { signal });
	}
};
export { loadFunction };
