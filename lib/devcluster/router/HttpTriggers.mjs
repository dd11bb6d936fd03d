import { ObjectMeta, keyOf, optional } from "../../fission/ObjectMeta.mjs";
import { Result, Schema } from "effect";
// src/devcluster/router/HttpTriggers.ts
const HttpTrigger = Schema.Struct({
	metadata: ObjectMeta,
	spec: Schema.Struct({
		host: optional(Schema.String),
		relativeurl: optional(Schema.String),
		prefix: optional(Schema.String),
		keepPrefix: optional(Schema.Boolean),
		method: optional(Schema.String),
		methods: optional(Schema.Array(Schema.String)),
		functionref: Schema.Struct({
			type: Schema.Literals(["name", "function-weights"]),
			name: optional(Schema.String),
			functionweights: optional(Schema.Record(Schema.String, Schema.Int))
		})
	})
});
const compile = ({ metadata, spec }) => {
	const { isPrefix, pattern } = patternOf(spec);
	const methods = spec.methods?.length ? spec.methods : [spec.method ?? ""];
	return {
		metadata,
		host: (spec.host ?? "").toLowerCase(),
		methods: methods.filter((method) => method !== ""),
		match: isPrefix ? below(pattern.replace(/\/$/u, ""), spec.keepPrefix === true) : exactly(pattern),
		targets: targetsOf(spec.functionref),
		isPrefix,
		literalLength: pattern.replace(placeholder, "").length
	};
};
const patternOf = ({ prefix, relativeurl }) => prefix ? {
	isPrefix: true,
	pattern: prefix
} : {
	isPrefix: false,
	pattern: relativeurl ?? ""
};
const targetsOf = ({ functionweights, name, type }) => Object.entries(type === "name" ? { [name ?? ""]: 1 } : functionweights ?? {}).map(([name, weight]) => ({
	name,
	weight
})).filter(({ name, weight }) => name !== "" && weight > 0);
/** Why a trigger can never route anything; undefined when it can. */
const problemOf = ({ spec }) => {
	const { isPrefix, pattern } = patternOf(spec);
	if (!pattern.startsWith("/") || pattern === "/") return `the path "${pattern}" is not below /`;
	if (targetsOf(spec.functionref).length === 0) return "functionref names no function";
	try {
		if (!isPrefix) exactly(pattern);
		return;
	} catch (cause) {
		return `the path "${pattern}" cannot be used: ${String(cause)}`;
	}
};
const decode = Schema.decodeUnknownResult(HttpTrigger.check(Schema.makeFilter((trigger) => problemOf(trigger) ?? true)));
/** `httptriggers.fission.io/v1`, ready to be asked; one that can never route anything cannot be read. */
const HttpTriggers = {
	group: "fission.io",
	version: "v1",
	kind: "HTTPTrigger",
	plural: "httptriggers",
	namespaced: true,
	metadataOnly: false,
	decode: (raw) => Result.map(decode(raw), compile)
};
const below = (prefix, keepPrefix) => (path) => {
	if (path !== prefix && !path.startsWith(`${prefix}/`)) return void 0;
	return {
		path: keepPrefix ? path : path.slice(prefix.length) || "/",
		parameters: {}
	};
};
/** `{name}` is one segment of a path, `{name:expression}` what the regular expression matches. */
const placeholder = /\{([^{}:]+)(?::((?:[^{}]|\{[^{}]*\})+))?\}/gu;
/** Throws for a regular expression that is none. */
const exactly = (pattern) => {
	const names = [];
	let source = "";
	let from = 0;
	for (const found of pattern.matchAll(placeholder)) {
		const [text, name = "", expression = "[^/]+"] = found;
		source += `${literally(pattern.slice(from, found.index))}(?<p${names.length}>${expression})`;
		names.push(name);
		from = found.index + text.length;
	}
	const expression = new RegExp(`^${source}${literally(pattern.slice(from))}$`, "u");
	return (path) => {
		const match = expression.exec(path);
		if (match === null) return void 0;
		const parameters = names.map((name, index) => [name, headerText(match.groups?.[`p${index}`] ?? "")]);
		return {
			path: "/",
			parameters: Object.fromEntries(parameters)
		};
	};
};
const literally = (text) => text.replace(/[.*+?^${}()|[\]\\/]/gu, String.raw`\$&`);
/** Decoded, unless that is more than a header can hold. */
const headerText = (encoded) => {
	try {
		const text = decodeURIComponent(encoded);
		return /^[\x20-\x7e]*$/u.test(text) ? text : encoded;
	} catch {
		return encoded;
	}
};
/** The order in which triggers are asked, of which the first that matches counts: exact before prefix, long before short. */
const inOrder = (triggers) => [...triggers].sort((a, b) => Number(a.isPrefix) - Number(b.isPrefix) || b.literalLength - a.literalLength || (keyOf(a.metadata) < keyOf(b.metadata) ? -1 : 1));
/** Asks triggers, given in order. */
const verdict = (triggers, request) => {
	let otherMethod = false;
	for (const trigger of triggers) {
		if (trigger.host !== "" && trigger.host !== request.host.toLowerCase()) continue;
		const match = trigger.match(request.path);
		if (match === void 0) continue;
		if (trigger.methods.length === 0 || trigger.methods.includes(request.method)) return {
			_tag: "Matched",
			trigger,
			...match
		};
		otherMethod = true;
	}
	return { _tag: otherMethod ? "OtherMethod" : "NoPath" };
};
/** The function that gets a request, by weight. `point` is from 0 up to, but not including, 1. */
const pick = (targets, point) => {
	let left = point * targets.reduce((sum, { weight }) => sum + weight, 0);
	for (const { name, weight } of targets) {
		left -= weight;
		if (left < 0) return name;
	}
	return targets.at(-1)?.name ?? "";
};
export { HttpTriggers, inOrder, pick, verdict };
