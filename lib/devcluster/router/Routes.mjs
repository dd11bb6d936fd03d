import { pick, verdict } from "./HttpTriggers.mjs";
// src/devcluster/router/Routes.ts
/** Finds the function of a request: by Fission's internal path, else by the HTTPTriggers. `point` chooses by weight. */
const routeOf = (request, views, point) => {
	const [path = "", ...query] = (request.url ?? "/").split("?");
	const withQuery = (seen) => `${seen}${query.length === 0 ? "" : `?${query.join("?")}`}`;
	if (path.startsWith(`${internalPath}/`)) {
		const route = internalRoute(path, views.find);
		if (route === void 0) return views.knowsFunctions() ? "unknown" : "notReady";
		return {
			...route,
			target: withQuery(route.target)
		};
	}
	const host = (request.headers.host ?? "").replace(/:\d+$/u, "");
	const found = verdict(views.triggers(), {
		method: request.method ?? "",
		host,
		path
	});
	switch (found._tag) {
		case "NoPath": return views.knowsTriggers() ? "unknown" : "notReady";
		case "OtherMethod": return "otherMethod";
		case "Matched": {
			const { parameters, path: target, trigger } = found;
			return {
				namespace: trigger.metadata.namespace ?? "",
				name: pick(trigger.targets, point),
				target: withQuery(target),
				parameters
			};
		}
	}
};
const internalPath = "/fission-function";
/** A function of that namespace and name goes before one of `default` that sees the name as part of its path. */
const internalRoute = (path, find) => {
	const [first = "", second = "", ...rest] = path.slice(18).split("/");
	const parameters = {};
	if (second !== "" && find(first, second) !== void 0) return {
		namespace: first,
		name: second,
		target: `/${rest.join("/")}`,
		parameters
	};
	if (find("default", first) === void 0) return void 0;
	return {
		namespace: "default",
		name: first,
		target: `/${path.split("/").slice(3).join("/")}`,
		parameters
	};
};
export { routeOf };
