import { addressOf } from "../../fission/Address.mjs";
import { start } from "./ContainerProcess.mjs";
import { Data, Duration, Effect } from "effect";
import { get } from "node:http";
import { connect } from "node:net";
// src/devcluster/kubelet/Handlers.ts
/** A probe or a hook did not succeed; the message says why. */
var HandlerError = class extends Data.TaggedError("HandlerError") {};
/** Handlers of one container. A command is a process of this machine in the pod's directory. */
const handlersOf = (target) => ({ exec, httpGet, sleep, tcpSocket }) => {
	if (sleep) return Effect.sleep(Duration.seconds(sleep.seconds));
	if (httpGet) return ask(urlOf(httpGet, target), headersOf(httpGet));
	if (tcpSocket) return reach(tcpSocket.host ?? target.address, portOf(tcpSocket.port, target.container));
	return exec ? execute(target, exec.command ?? []) : Effect.void;
};
const portOf = (port, { ports }) => typeof port === "number" ? port : ports?.find(({ name }) => name === port)?.containerPort ?? Number(port);
const urlOf = ({ host, path, port }, { address, container }) => `http://${addressOf(host ?? address, portOf(port, container))}/${(path ?? "").replace(/^\//u, "")}`;
const headersOf = ({ httpHeaders }) => Object.fromEntries((httpHeaders ?? []).map(({ name, value }) => [name, value]));
/** One request, on a connection of its own; a status from 200 to 399 is a success. */
const ask = (url, headers) => Effect.callback((resume) => {
	const fail = (message) => resume(new HandlerError({ message }));
	const request = get(url, {
		agent: false,
		headers: {
			"user-agent": "kube-probe/1.36",
			...headers
		}
	}, (response) => {
		const { statusCode = 0 } = response;
		response.on("error", () => {}).resume();
		if (statusCode >= 200 && statusCode < 400) resume(Effect.void);
		else fail(`HTTP probe failed with statuscode: ${statusCode}`);
	});
	request.on("error", ({ message }) => fail(`Get "${url}": ${message}`));
	return Effect.sync(() => request.destroy());
});
const reach = (host, port) => Effect.callback((resume) => {
	const socket = connect({
		host,
		port
	});
	socket.once("connect", () => {
		socket.destroy();
		resume(Effect.void);
	});
	socket.once("error", ({ message }) => resume(new HandlerError({ message: `dial tcp ${host}:${port}: ${message}` })));
	return Effect.sync(() => socket.destroy());
});
const execute = Effect.fnUntraced(function* ({ directory, environment }, [command = "", ...parameters]) {
	const lines = [];
	const onLine = (line) => void lines.push(line);
	const { exitCode } = yield* Effect.scoped(Effect.flatMap(start({
		command,
		parameters,
		directory,
		environment,
		onLine
	}), ({ exited }) => exited));
	if (exitCode === 0) return;
	return yield* new HandlerError({ message: `command ${command} ended with ${exitCode}: ${lines.join("\n")}` });
});
export { HandlerError, handlersOf };
