import { addressOf } from "../../fission/Address.mjs";
import { join, normalize } from "node:path";
// src/devcluster/pod/podProcess.ts
const http = process.getBuiltinModule("node:http");
/** The address of the pod that this process belongs to. */
const podAddress = process.env["POD_IP"] ?? "127.0.0.1";
const podRoot = process.env["POD_ROOT"] ?? "";
/**
* Where a path of the pod's file system lies on the host (function-pod-protocol.md section 14): below `POD_ROOT`, or
* where it says when that is not set.
*/
const onHost = (path) => podRoot === "" ? path : join(podRoot, normalize(`/${path}`));
/** An environment variable that holds a number of milliseconds or a status; undefined when unset or no number. */
const numberFrom = (variable) => {
	const text = process.env[variable] ?? "";
	return text === "" || Number.isNaN(Number(text)) ? void 0 : Number(text);
};
/** One line on the standard error. */
const log = (message, cause) => {
	const detail = cause === void 0 ? "" : `: ${cause instanceof Error ? cause.stack ?? cause.message : String(cause)}`;
	process.stderr.write(`${message}${detail}\n`);
};
/** What went wrong, for the text of an answer. */
const messageOf = (cause) => cause instanceof Error ? cause.message : String(cause);
const servers = /* @__PURE__ */ new Set();
/** Listens on the pod's address and says so on the standard error. A port that cannot be had ends the process with exit code 1. */
const listen = (port, handle) => new Promise((resolve) => {
	const server = http.createServer({
		keepAliveTimeout: 12e4,
		headersTimeout: 1e4,
		requestTimeout: 0
	});
	server.on("request", (request, response) => {
		response.on("error", () => {});
		handle(request, response).catch((cause) => {
			if (response.destroyed) return;
			log(`${request.method} ${request.url} ended in a bug`, cause);
			if (response.headersSent) response.destroy();
			else response.writeHead(500).end();
		});
	});
	servers.add(server);
	server.on("error", (cause) => {
		log(`cannot listen on ${podAddress}:${port}`, cause);
		process.exit(1);
	});
	server.listen(port, podAddress, () => {
		log(`listening on ${addressOf(podAddress, port)}`);
		resolve(server);
	});
});
/**
* Ends the process with whoever started it, which is when the standard input ends; on SIGTERM as soon as the open
* requests are answered, at most 30 seconds later.
*/
const endWithParent = () => {
	process.stdin.on("close", () => process.exit(0)).resume();
	process.on("SIGTERM", () => {
		setTimeout(() => process.exit(0), 3e4).unref();
		const closed = [...servers].map((server) => new Promise((resolve) => server.close(resolve).closeIdleConnections()));
		Promise.all(closed).then(() => process.exit(0));
	});
};
/** The body of a request is larger than it may be. */
var BodyTooLarge = class extends Error {};
/** The whole body of a request. Throws `BodyTooLarge` as soon as more than `limit` bytes have come. */
const readBody = async (request, limit) => {
	const chunks = [];
	let size = 0;
	for await (const chunk of request.iterator({ destroyOnReturn: false })) {
		const bytes = Buffer.from(chunk);
		size += bytes.length;
		if (size > limit) throw new BodyTooLarge(`the body is larger than ${limit} bytes`);
		chunks.push(bytes);
	}
	return Buffer.concat(chunks);
};
/** One HTTP request and its whole answer, whatever the status. Rejects when there was none. */
const exchange = async (url, call) => {
	const { request } = url.protocol === "https:" ? process.getBuiltinModule("node:https") : http;
	return new Promise((resolve, reject) => {
		const { method, headers, signal } = call;
		const outgoing = request(url, {
			method,
			headers: { ...headers },
			signal,
			agent: false
		}, (incoming) => {
			readBody(incoming, Number.POSITIVE_INFINITY).then((body) => resolve({
				status: incoming.statusCode ?? 0,
				body
			}), reject);
		});
		outgoing.on("error", reject);
		outgoing.end(call.body);
	});
};
/**
* Serves one request of its own, on a port that nobody knows, so that the first real one finds server and client loaded,
* as it does in the stock programs.
*/
const rehearse = async (handle) => {
	const server = http.createServer((request, response) => void handle(request, response));
	await new Promise((resolve) => void server.listen(0, podAddress, resolve));
	const address = server.address();
	const port = typeof address === "object" && address !== null ? address.port : 0;
	const call = {
		method: "GET",
		signal: new AbortController().signal
	};
	await exchange(new URL(`http://${addressOf(podAddress, port)}/`), call);
	server.close();
};
/** Whether a request failed before or while it was connected, as opposed to having been answered (P12). */
const isConnectionFailure = (cause) => cause instanceof Error && "code" in cause && [
	"ECONNREFUSED",
	"ECONNRESET",
	"EHOSTUNREACH",
	"ENETUNREACH",
	"ETIMEDOUT"
].includes(String(cause.code));
export { BodyTooLarge, endWithParent, exchange, isConnectionFailure, listen, log, messageOf, numberFrom, onHost, podAddress, readBody, rehearse };
