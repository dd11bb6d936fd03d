import { parse } from "node:querystring";
// src/devcluster/pod/express.ts
/** Gives a request the face that Fission's Node functions know. */
const expressRequest = (request, body) => {
	const url = request.url ?? "/";
	const [path = "/", ...search] = url.split("?");
	const get = (header) => request.headers[header.toLowerCase()];
	return Object.assign(request, {
		body,
		query: { ...parse(search.join("?")) },
		params: { 0: path },
		path,
		originalUrl: url,
		hostname: (request.headers.host ?? "").replace(/:\d+$/u, ""),
		protocol: "http",
		ip: request.socket.remoteAddress ?? "",
		get,
		header: get
	});
};
const shortTypes = {
	html: "text/html; charset=utf-8",
	text: "text/plain; charset=utf-8",
	json: "application/json; charset=utf-8"
};
/** Gives a response the face that Fission's Node functions know. */
const expressResponse = (response) => {
	const typeUnlessSet = (type) => {
		if (!response.hasHeader("content-type")) response.setHeader("content-type", type);
	};
	const set = (name, value) => {
		const headers = typeof name === "string" ? { [name]: value } : name;
		for (const [header, content] of Object.entries(headers)) response.setHeader(header, Array.isArray(content) ? content.map(String) : String(content));
		return express;
	};
	const finish = (bytes) => {
		const bodyless = response.statusCode === 204 || response.statusCode === 304;
		if (bodyless) response.removeHeader("content-type");
		else response.setHeader("content-length", bytes.length);
		response.end(bodyless || response.req.method === "HEAD" ? void 0 : bytes);
		return express;
	};
	const json = (body) => {
		typeUnlessSet("application/json; charset=utf-8");
		return finish(Buffer.from(JSON.stringify(body) ?? ""));
	};
	const send = (body) => {
		if (body === void 0 || body === null) return finish(Buffer.alloc(0));
		if (body instanceof Uint8Array) {
			typeUnlessSet("application/octet-stream");
			return finish(Buffer.from(body));
		}
		if (typeof body !== "string") return json(body);
		typeUnlessSet("text/html; charset=utf-8");
		return finish(Buffer.from(body));
	};
	const status = (code) => {
		if (!Number.isInteger(code) || code < 100 || code > 999) throw new RangeError(`Invalid status code: ${code}`);
		response.statusCode = code;
		return express;
	};
	const express = Object.assign(response, {
		status,
		set,
		header: set,
		get: (name) => response.getHeader(name),
		type: (contentType) => set("content-type", shortTypes[contentType] ?? contentType),
		send,
		json,
		sendStatus: (code) => status(code).send(String(code)),
		redirect: (location) => status(302).set("location", location).send()
	});
	return express;
};
export { expressRequest, expressResponse };
