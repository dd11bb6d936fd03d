import { StatusError } from "./Status.mjs";
// src/devcluster/Answers.ts
/** Ends the answer with a JSON document. */
const sendJson = (response, status, body, headers = {}) => {
	const text = JSON.stringify(body);
	response.writeHead(status, {
		"content-type": "application/json",
		"content-length": Buffer.byteLength(text),
		...headers
	});
	response.end(text);
};
/** Ends the answer with plain text. */
const sendText = (response, status, text, headers = {}) => {
	response.writeHead(status, {
		"content-type": "text/plain; charset=utf-8",
		...headers
	});
	response.end(text);
};
/** Ends the answer with a `Status` object. */
const sendStatus = (response, error, headers = {}) => sendJson(response, error.code, error, {
	...error.retryAfterSeconds === void 0 ? {} : { "retry-after": String(error.retryAfterSeconds) },
	...headers
});
/** What a computation gives, or the refusal that it throws. Anything else that it throws is a bug and passes. */
const orRefusal = (compute) => {
	try {
		return compute();
	} catch (error) {
		if (error instanceof StatusError) return error;
		throw error;
	}
};
export { orRefusal, sendJson, sendStatus, sendText };
