import { Data, Effect } from "effect";
import { request } from "node:http";
// src/devcluster/router/Proxy.ts
/**
* A request that brought no answer. `Refused`: nothing of it was sent, so it may be sent elsewhere. `Lost`: the pod may
* have worked on it.
*/
var ProxyError = class extends Data.TaggedError("ProxyError") {};
/** Headers that concern one connection and are not handed on. */
const ofOneConnection = /* @__PURE__ */ new Set([
	"connection",
	"keep-alive",
	"proxy-connection",
	"te",
	"trailer",
	"upgrade"
]);
/**
* Hands a request on over a connection of its own and its answer back, both as streams. The body of the request is not
* touched before the connection stands, so that after `Refused` it is still whole. Interruption drops both sides of the
* destination's connection.
*/
const forward = (request$1, response, { address, headers, target }) => Effect.callback((resume) => {
	let connected = false;
	const outgoing = request(`http://${address}`, {
		path: target,
		method: request$1.method,
		headers: {
			...handedOn(request$1.headers),
			...headers
		},
		agent: false
	});
	outgoing.on("socket", (socket) => socket.once("connect", () => {
		connected = true;
		request$1.pipe(outgoing);
	}));
	outgoing.on("error", (cause) => resume(Effect.fail(new ProxyError({
		reason: connected ? "Lost" : "Refused",
		detail: cause.message
	}))));
	outgoing.on("response", (answer) => {
		response.writeHead(answer.statusCode ?? 502, handedOn(answer.headers));
		answer.on("error", () => response.destroy());
		answer.pipe(response);
		response.on("close", () => resume(Effect.void));
	});
	return Effect.sync(() => {
		request$1.unpipe(outgoing);
		outgoing.destroy();
	});
});
const handedOn = (headers) => Object.fromEntries(Object.entries(headers).filter(([name]) => !ofOneConnection.has(name)));
export { ProxyError, forward };
