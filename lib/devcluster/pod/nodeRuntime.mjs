import { ports } from "../../fission/Labels.mjs";
import { expressRequest, expressResponse } from "./express.mjs";
import { loadEntry, resolveEntry } from "./functionModule.mjs";
import { invoke } from "./invocation.mjs";
import { textAt } from "./json.mjs";
import { redirectPodFiles } from "./podFiles.mjs";
import { endWithParent, listen, log, numberFrom, onHost, rehearse } from "./podProcess.mjs";
import { BodyRefused, bytesOf, parseBody } from "./requestBody.mjs";
import { parseArgs } from "node:util";
import { setTimeout } from "node:timers/promises";
// src/devcluster/pod/nodeRuntime.ts
const { values: flags } = parseArgs({ options: {
	port: { type: "string" },
	codepath: {
		type: "string",
		default: "/userfunc/user"
	}
} });
const port = Number(flags.port ?? ports.runtime);
const esm = process.env["LOAD_ESM"] !== "false";
const bodyLimit = bytesOf(process.env["BODY_PARSER_LIMIT"] ?? "1mb");
const maySpecializeAgain = process.env["RUNTIME_ALLOW_SECOND_LOAD"] === "true";
let userFunction;
const load = async (path, functionName, response) => {
	if (userFunction !== void 0 && !maySpecializeAgain) {
		response.status(400).send("Not a generic container");
		return;
	}
	await setTimeout(numberFrom("RUNTIME_LOAD_DELAY_MS") ?? 0);
	const status = numberFrom("RUNTIME_LOAD_STATUS");
	if (status !== void 0) return void response.status(status).send(`told to answer ${status}`);
	try {
		userFunction = await loadEntry(resolveEntry(onHost(path), functionName, esm), esm);
		response.status(202).send();
		if (process.env["RUNTIME_CRASH_AFTER_LOAD"] === "true") response.on("finish", () => process.exit(1));
	} catch (cause) {
		log(`cannot load ${path}`, cause);
		response.status(500).send(JSON.stringify(cause));
	}
};
redirectPodFiles();
endWithParent();
await setTimeout(numberFrom("RUNTIME_LISTEN_DELAY_MS") ?? 0);
await listen(port, async (request, plainResponse) => {
	const response = expressResponse(plainResponse);
	try {
		const body = await parseBody(request, bodyLimit);
		const path = request.url?.split("?")[0];
		if (request.method === "POST" && path === "/specialize") return await load(flags.codepath, "", response);
		if (request.method === "POST" && path === "/v2/specialize") return await load(textAt(body, "filepath"), textAt(body, "functionName"), response);
		if (userFunction === void 0) {
			response.status(500).send("Generic container: no requests supported");
			return;
		}
		await invoke(userFunction, expressRequest(request, body), response);
	} catch (cause) {
		if (!(cause instanceof BodyRefused)) throw cause;
		response.set("connection", "close").status(cause.status).send(cause.message);
	}
});
await import("data:text/javascript,");
await rehearse(async (request, response) => void expressResponse(response).send(await parseBody(request, bodyLimit)));
export {};
