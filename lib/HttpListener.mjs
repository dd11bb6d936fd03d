import { ConfigurationError } from "./Errors.mjs";
import { Cause, Data, Duration, Effect, Exit, FiberSet } from "effect";
import { createServer } from "node:http";
// src/HttpListener.ts
/** The body of a request could not be taken in. */
var BodyError = class extends Data.TaggedError("BodyError") {};
/**
* Listens for HTTP/1.1 and runs one effect per request. A client that hangs up interrupts its effect; a defect is
* logged and answered with 500. Closing the scope stops accepting, waits for open requests at most `drain`, then
* interrupts them. Fails with `ConfigurationError` when the port cannot be had.
*/
const listen = (options, handle) => Effect.gen(function* () {
	const fibers = yield* FiberSet.make();
	const fork = yield* FiberSet.runtime(fibers)();
	const onRequest = (request, response) => {
		response.on("error", () => {});
		const answered = handle(request, response).pipe(Effect.onExit((exit) => settle(options.name, exit, response)));
		const fiber = fork(answered);
		response.on("close", () => {
			if (!response.writableFinished) fiber.interruptUnsafe();
		});
	};
	const address = (yield* Effect.acquireRelease(Effect.callback((resume) => {
		const receiveWithin = Duration.toMillis(options.receiveWithin ?? Duration.infinity);
		const server = createServer({
			keepAliveTimeout: 12e4,
			headersTimeout: Math.min(1e4, receiveWithin),
			requestTimeout: Number.isFinite(receiveWithin) ? receiveWithin : 0,
			connectionsCheckingInterval: 1e3
		}, onRequest);
		const refuse = (cause) => resume(Effect.fail(cannotListen(options, cause)));
		server.once("error", refuse);
		server.listen(options.port, options.host, () => {
			server.off("error", refuse);
			resume(Effect.succeed(server));
		});
	}), (server) => Effect.gen(function* () {
		options.onDrain?.();
		server.close();
		server.closeIdleConnections();
		const drain = options.drain ?? Duration.zero;
		yield* FiberSet.awaitEmpty(fibers).pipe(Effect.timeoutOption(drain), Effect.ignore);
		server.closeAllConnections();
		yield* FiberSet.clear(fibers);
	}))).address();
	return { port: typeof address === "object" && address !== null ? address.port : options.port };
});
const settle = (name, exit, response) => {
	if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => void response.destroy());
	return Effect.andThen(Effect.logError("request ended in a bug", exit.cause).pipe(Effect.annotateLogs({ listener: name })), Effect.sync(() => {
		if (response.headersSent) response.destroy();
		else response.writeHead(500).end();
	}));
};
const cannotListen = (options, cause) => {
	const inUse = "code" in cause && cause.code === "EADDRINUSE";
	return new ConfigurationError({
		setting: `${options.name} on ${options.host ?? "every address"}:${options.port}`,
		detail: inUse ? "the port is in use; stop whoever listens there or choose another" : cause.message,
		cause
	});
};
/**
* The whole body of a request. Fails with `TooLarge` before reading anything when `Content-Length` says so, else as soon
* as more than `limit` bytes have come; with `Aborted` when the client goes away.
*/
const readBody = (request, limit) => {
	if (Number(request.headers["content-length"] ?? 0) > limit) return Effect.fail(new BodyError({ reason: "TooLarge" }));
	return Effect.callback((resume) => {
		const chunks = [];
		let size = 0;
		request.on("data", (chunk) => {
			size += chunk.length;
			if (size > limit) {
				request.pause();
				resume(Effect.fail(new BodyError({ reason: "TooLarge" })));
			} else chunks.push(chunk);
		});
		request.on("end", () => resume(Effect.succeed(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks))));
		const aborted = () => {
			if (!request.readableEnded) resume(Effect.fail(new BodyError({ reason: "Aborted" })));
		};
		request.on("error", aborted);
		request.on("close", aborted);
	});
};
/** Waits until what was written has room in the socket's buffer, so that a slow reader slows the writer. */
const writeChunk = (response, chunk) => Effect.callback((resume) => {
	if (response.write(chunk)) resume(Effect.void);
	else response.once("drain", () => resume(Effect.void));
});
export { BodyError, listen, readBody, writeChunk };
