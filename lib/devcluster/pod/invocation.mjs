import { at } from "./json.mjs";
import { log } from "./podProcess.mjs";
// src/devcluster/pod/invocation.ts
/**
* Calls a function the way its number of parameters asks for (function-pod-protocol.md section 10.3): up to one, it gets
* the context and returns `{ status, body, headers }`; from two on it also gets a callback with these three. A status
* that is not given means that the function answers by itself.
*/
const invoke = async (userFunction, request, response) => {
	const context = {
		request,
		response
	};
	const answer = (status, body, headers) => respond(response, status, body, headers);
	try {
		if (userFunction.length >= 2) return void await userFunction(context, answer);
		const result = await userFunction(context);
		if (typeof result !== "object" || result === null) throw new TypeError("the function returned no object");
		answer(at(result, "status"), at(result, "body"), at(result, "headers"));
	} catch (cause) {
		log("the function failed", cause);
		if (response.headersSent) response.destroy();
		else response.status(500).send("Internal server error");
	}
};
const respond = (response, status, body, headers) => {
	if (!status) return;
	if (typeof headers === "object" && headers !== null) response.set({ ...headers });
	response.status(Number(status));
	if (isReadable(body)) body.on("error", () => response.destroy()).pipe(response);
	else response.send(body);
};
const isReadable = (body) => typeof body === "object" && body !== null && "pipe" in body && typeof body.pipe === "function";
export { invoke };
