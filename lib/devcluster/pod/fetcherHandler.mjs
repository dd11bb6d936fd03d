import { digestOf, verifySignature, verifyTimestamp } from "../../fission/RequestSignature.mjs";
import { unixSeconds } from "./fetcherKeys.mjs";
import { BodyTooLarge, messageOf, readBody } from "./podProcess.mjs";
import { Refusal } from "./refusal.mjs";
import { parseFetchRequest, parseSpecializeRequest } from "./specializeRequest.mjs";
import { setTimeout } from "node:timers/promises";
// src/devcluster/pod/fetcherHandler.ts
/** Largest body of a signed request, in bytes (function-pod-protocol.md section 8.3). */
const signedBodyLimit = 268435456;
/** The routes of a fetcher (function-pod-protocol.md sections 2.3 and 3). */
const fetcherHandler = (options) => {
	const { accepted, cluster, fetcher, isReady, misbehaviour } = options;
	const specialize = async (request, response, body) => {
		if (misbehaviour.fixedStatus !== void 0) throw new Refusal(misbehaviour.fixedStatus, `told to answer ${misbehaviour.fixedStatus}`);
		await fetcher.specialize(parsedBy(parseSpecializeRequest, body), whileConnected(response));
		if (misbehaviour.answerDelay !== void 0) await setTimeout(misbehaviour.answerDelay);
		if (misbehaviour.dropAnswer) request.socket.destroy();
	};
	const event = (reason, message, response) => cluster.emitEvent(reason, message, whileConnected(response)).catch((cause) => {
		throw new Refusal(500, messageOf(cause));
	});
	const route = async (path, request, response, body) => {
		switch (path) {
			case "/specialize":
				allowOnly("POST", request, `, ${request.method} received`);
				await specialize(request, response, body);
				return "";
			case "/fetch":
				allowOnly("POST", request);
				await fetcher.fetch(parsedBy(parseFetchRequest, body), whileConnected(response));
				return "";
			case "/upload":
				allowOnly("POST", request);
				throw new Refusal(500, "error uploading archive: the embedded cluster builds no packages");
			case "/version": return JSON.stringify({ Version: "embedded" });
			case "/wsevent/start":
				allowOnly("GET", request);
				await event("WsConnectionStarted", "the first web socket connection was opened", response);
				return "";
			case "/wsevent/end":
				allowOnly("GET", request);
				await event("NoActiveConnections", "no web socket connection is open", response);
				return "";
			default: throw new Refusal(404, "404 page not found");
		}
	};
	return async (request, response) => {
		response.setHeader("X-Content-Type-Options", "nosniff").setHeader("Vary", "Origin");
		const { headers, method = "GET", url = "/" } = request;
		if (method === "OPTIONS" && headers.origin && headers["access-control-request-method"]) {
			response.writeHead(403).end();
			return;
		}
		const path = url.split("?")[0] ?? "/";
		if (path === "/healthz") return void response.end();
		if (path === "/readiness-healthz") return void response.writeHead(isReady() ? 200 : 503).end();
		try {
			const body = await verifiedBody(accepted, request);
			const text = await route(path, request, response, body.toString("utf8"));
			if (text !== "") response.setHeader("Content-Type", "application/json");
			response.end(text);
		} catch (cause) {
			if (response.destroyed) return;
			answerFailure(response, cause);
		}
	};
};
const answerFailure = (response, cause) => {
	if (cause instanceof NotSigned) return void response.writeHead(401, { Connection: "close" }).end();
	if (cause instanceof BodyTooLarge) return void response.writeHead(413, { Connection: "close" }).end();
	if (!(cause instanceof Refusal)) throw cause;
	response.writeHead(cause.status, { "Content-Type": "text/plain; charset=utf-8" }).end(`${cause.message}\n`);
};
var NotSigned = class extends Error {};
/** The body of a request whose signature is right, or of any request when there are no keys (section 8.3). */
const verifiedBody = async (accepted, request) => {
	if (accepted.length === 0) return readBody(request, Number.POSITIVE_INFINITY);
	const timestamp = verifyTimestamp(request.headers, unixSeconds());
	if ("refusal" in timestamp) throw new NotSigned(timestamp.refusal);
	const body = await readBody(request, signedBodyLimit);
	const signed = {
		method: request.method ?? "GET",
		target: request.url ?? "/",
		bodyDigest: digestOf(body)
	};
	if (verifySignature(accepted, signed, timestamp.unixSeconds, timestamp.signature)) return body;
	throw new NotSigned("signature mismatch");
};
const allowOnly = (method, request, suffix = "") => {
	if (request.method !== method) throw new Refusal(405, `only ${method} is supported on this endpoint${suffix}`);
};
const parsedBy = (parse, body) => {
	try {
		return parse(body);
	} catch (cause) {
		throw new Refusal(400, messageOf(cause));
	}
};
/** Aborted when the caller leaves before the answer. */
const whileConnected = (response) => {
	const controller = new AbortController();
	response.on("close", () => {
		if (!response.writableFinished) controller.abort();
	});
	return controller.signal;
};
export { fetcherHandler };
