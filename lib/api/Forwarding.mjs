import { notTheLeader } from "../executors/CreationError.mjs";
import { fromError, ok } from "./Answer.mjs";
import { forwardedHeader, make } from "./LeaderTaps.mjs";
import { Effect } from "effect";
import { Agent, request } from "undici";
// src/api/Forwarding.ts
const refused = fromError(notTheLeader());
/** Headers about one connection, and those that the client sets itself. */
const perConnection = /* @__PURE__ */ new Set([
	"connection",
	"content-length",
	"expect",
	"host",
	"keep-alive",
	"transfer-encoding"
]);
const passedOn = ({ rawHeaders }) => {
	const headers = [forwardedHeader, "1"];
	for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
		const [name = "", value = ""] = rawHeaders.slice(index, index + 2);
		if (!perConnection.has(name.toLowerCase())) headers.push(name, value);
	}
	return headers;
};
/**
* What a replica that does not lead does with a request: it answers what its view alone shows, and tells the leader of
* the access; everything else it passes on, with method, target, body and signature as they are (http-api.md section 5).
* Where no leader is known, one that led before answers from its caches; everybody else sends the caller away.
* Interrupting the wait breaks the connection to the leader. `key`: what requests between replicas are signed with.
*/
const makeForward = ({ leader, role }, key) => Effect.gen(function* () {
	const agent = yield* Effect.acquireRelease(Effect.sync(() => new Agent({
		connect: { timeout: 2e3 },
		headersTimeout: 0,
		bodyTimeout: 0
	})), (agent) => Effect.promise(() => agent.destroy()));
	const tellLeader = yield* make({
		leader,
		agent,
		key
	});
	let isCutOff = false;
	const cutOff = (address, detail) => Effect.suspend(() => {
		const log = isCutOff ? Effect.logDebug : Effect.logError;
		isCutOff = true;
		return log("the leader cannot be reached; callers are sent away until it can. Where network policies are on, pods of the executor must be let in to port 8888 of each other").pipe(Effect.annotateLogs({
			leader: address,
			detail
		}));
	});
	const passOn = (address, request$1, body) => Effect.tryPromise(async (signal) => {
		const answer = await request(`http://${address}${request$1.url ?? ""}`, {
			method: "POST",
			headers: [...passedOn(request$1)],
			body: body.bytes,
			dispatcher: agent,
			signal
		});
		const text = await answer.body.text();
		isCutOff = false;
		const retryAfter = Number(answer.headers["retry-after"]);
		return {
			status: answer.statusCode,
			body: text,
			retryAfter: Number.isFinite(retryAfter) ? retryAfter : void 0
		};
	}).pipe(Effect.catch((error) => Effect.as(cutOff(address, error.message), refused)), Effect.interruptible);
	const follow = Effect.fnUntraced(function* (...[request, body, { fromView }]) {
		if (request.headers["X-Fission-Executor-Forwarded".toLowerCase()] !== void 0) return refused;
		const address = leader();
		if (address === void 0 && role() === "Demoted") return void 0;
		const access = yield* fromView?.(body) ?? Effect.undefined;
		if (access !== void 0) {
			tellLeader(access);
			return ok(access.address);
		}
		return address === void 0 ? refused : yield* passOn(address, request, body);
	});
	return (request, body, route) => role() === "Leader" ? Effect.undefined : follow(request, body, route);
});
export { makeForward };
