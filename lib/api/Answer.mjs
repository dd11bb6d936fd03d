import { Effect } from "effect";
// src/api/Answer.ts
/** 200 with a body as it is, without a newline: the router reads addresses verbatim. */
const ok = (body = "") => ({
	status: 200,
	body
});
/** Any other status, with one line of text. 429 and 503 ask the router to come again in a second (section 10.1). */
const refusal = (status, text, retryAfter) => ({
	status,
	body: `${text}\n`,
	retryAfter: retryAfter ?? (status === 429 || status === 503 ? 1 : void 0)
});
/** The answer to a request that gets no address. */
const fromError = (error) => refusal(error.status, error.text, error.retryAfterSeconds);
/** Bytes of an unread body that Node discards to keep the connection; beyond, the connection ends with the answer. */
const discarded = 262144;
const leavesBody = (request) => !request.complete && (request.headers["transfer-encoding"] !== void 0 || Number(request.headers["content-length"] ?? 0) > discarded);
const write = (request, response, answer, envelope) => {
	const headers = [
		"X-Content-Type-Options",
		"nosniff",
		"Vary",
		"Origin"
	];
	if (envelope.correlationId !== void 0) headers.push("X-Fission-Request-Id", envelope.correlationId);
	if (answer.body !== "") headers.push("Content-Type", "text/plain; charset=utf-8");
	headers.push("Content-Length", String(Buffer.byteLength(answer.body)));
	if (answer.retryAfter !== void 0) headers.push("Retry-After", String(answer.retryAfter));
	if (envelope.close || leavesBody(request)) headers.push("Connection", "close");
	response.writeHead(answer.status, headers).end(answer.body);
};
/** Sends the answer, and settles it once the system has taken all of it or the client is gone. Not interruptible. */
const send = (request, response, answer, envelope) => {
	const { settle } = answer;
	if (settle === void 0) return Effect.sync(() => write(request, response, answer, envelope));
	const delivered = Effect.callback((resume) => {
		const { socket } = request;
		if (socket.destroyed) return resume(Effect.succeed(false));
		const finished = () => end(true);
		const gone = () => end(false);
		const end = (left) => {
			response.off("finish", finished);
			socket.off("close", gone);
			resume(Effect.succeed(left));
		};
		response.on("finish", finished);
		socket.on("close", gone);
		write(request, response, answer, envelope);
	});
	return Effect.uninterruptible(Effect.flatMap(delivered, settle));
};
export { fromError, ok, refusal, send };
