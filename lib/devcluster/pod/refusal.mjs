// src/devcluster/pod/refusal.ts
/** An answer of the fetcher other than success; the message is its body. */
var Refusal = class extends Error {
	status;
	constructor(status, message) {
		super(message);
		this.status = status;
	}
};
/** Which of the fetcher's steps failed; each has a prefix of its own (function-pod-protocol.md section 5). */
const prefixes = {
	package: "error getting package information: ",
	archive: "error fetching deploy package: ",
	mounts: "error fetching secrets/configs: ",
	token: "error writing state token file: ",
	load: "error specializing function pod: "
};
/** The refusal of one step. */
const refuse = (step, status, detail) => new Refusal(status, `${prefixes[step]}${detail}`);
export { Refusal, refuse };
