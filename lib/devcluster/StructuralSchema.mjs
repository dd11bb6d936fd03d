import { rules } from "./SchemaRules.mjs";
import { isJson } from "./StoredObject.mjs";
import { isDeepStrictEqual } from "node:util";
// src/devcluster/StructuralSchema.ts
const inside = (path, field) => path === "" ? field : `${path}.${field}`;
/** Drops unknown fields and `null` where it is not allowed, and fills in defaults. Idempotent. */
const conform = (schema, value, path = "") => {
	if (Array.isArray(value) && schema.items !== void 0) {
		const { items } = schema;
		const elements = value.map((element, index) => conform(items, element, `${path}[${index}]`));
		return {
			value: elements.map((element) => element.value),
			unknown: elements.flatMap((element) => element.unknown)
		};
	}
	if (!isJson(value) || schema.type !== "object") return {
		value,
		unknown: []
	};
	const { properties = {} } = schema;
	const keepsAll = schema["x-kubernetes-preserve-unknown-fields"] === true || schema.properties === void 0;
	const kept = {};
	const unknown = [];
	for (const [field, given] of Object.entries(value)) {
		const known = properties[field];
		if (known === void 0) {
			if (keepsAll) kept[field] = given;
			else unknown.push(inside(path, field));
		} else if (given !== null || known.nullable === true) {
			const conformed = conform(known, given, inside(path, field));
			kept[field] = conformed.value;
			unknown.push(...conformed.unknown);
		}
	}
	for (const [field, known] of Object.entries(properties)) if (known.default !== void 0 && kept[field] === void 0) kept[field] = known.default;
	return {
		value: kept,
		unknown
	};
};
/** Why rules are not looked at: they may rely on what these problems are about. */
const blocking = /* @__PURE__ */ new Set([
	"FieldValueRequired",
	"FieldValueTypeInvalid",
	"FieldValueNotSupported",
	"FieldValueTooLong"
]);
const unchecked = {
	reason: "FieldValueInvalid",
	message: "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
	field: "<nil>"
};
/**
* Everything that is wrong with an object: what was found before, its shape, and, where that allows to look, its rules.
*/
const problemsOf = (schema, object, previous, found) => {
	const problems = [...found, ...shapeProblems(schema, object, "")];
	if (problems.some(({ reason }) => blocking.has(reason))) return [...problems, unchecked];
	return [...problems, ...ruleProblems(schema, object, previous, "")];
};
const shapeProblems = (schema, value, path) => {
	if (value === null && schema.nullable === true) return [];
	const found = typeOf(value);
	if (found !== schema.type) return [wrongType(path, schema.type, found, found)];
	if (typeof value === "string") return textProblems(schema, value, path);
	if (typeof value === "number") return amountProblems(schema, value, path);
	if (Array.isArray(value)) return listProblems(schema, value, path);
	if (!isJson(value)) return [];
	const missing = (schema.required ?? []).filter((field) => value[field] === void 0).map((field) => ({
		reason: "FieldValueRequired",
		message: "Required value",
		field: inside(path, field)
	}));
	const nested = Object.entries(schema.properties ?? {}).flatMap(([field, known]) => value[field] === void 0 ? [] : shapeProblems(known, value[field], inside(path, field)));
	return [...missing, ...nested];
};
const typeOf = (value) => {
	if (value === null) return "null";
	if (Array.isArray(value)) return "array";
	return typeof value === "number" ? Number.isInteger(value) ? "integer" : "number" : typeof value;
};
/** How the messages name a field: from the status on when it is in there. */
const shown = (path) => path.replace(/^status\./u, "");
const wrongType = (path, type, found, value) => ({
	reason: "FieldValueTypeInvalid",
	message: `Invalid value: "${value}": ${shown(path)} in body must be of type ${type}: "${found}"`,
	field: path
});
const outOfBounds = (path, value, problem) => ({
	reason: "FieldValueInvalid",
	message: `Invalid value: ${JSON.stringify(value)}: ${shown(path)} in body should ${problem}`,
	field: path
});
const textProblems = (schema, value, path) => {
	const problems = [];
	const { enum: allowed, format, maxLength, minLength, pattern } = schema;
	if (format === "date-time" && !dateTime.test(value)) problems.push(wrongType(path, format, value, value));
	if (format === "byte" && !base64.test(value)) problems.push(wrongType(path, format, value, value));
	if (minLength !== void 0 && value.length < minLength) problems.push(outOfBounds(path, value, `be at least ${minLength} chars long`));
	if (maxLength !== void 0 && value.length > maxLength) problems.push({
		reason: "FieldValueTooLong",
		message: `Too long: may not be more than ${maxLength} bytes`,
		field: path
	});
	if (pattern !== void 0 && !new RegExp(pattern, "u").test(value)) problems.push(outOfBounds(path, value, `match '${pattern}'`));
	if (allowed !== void 0 && !allowed.includes(value)) {
		const supported = allowed.map((one) => JSON.stringify(one)).join(", ");
		problems.push({
			reason: "FieldValueNotSupported",
			message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`,
			field: path
		});
	}
	return problems;
};
const dateTime = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/u;
const base64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/u;
const amountProblems = ({ maximum, minimum }, value, path) => [...minimum !== void 0 && value < minimum ? [outOfBounds(path, value, `be greater than or equal to ${minimum}`)] : [], ...maximum !== void 0 && value > maximum ? [outOfBounds(path, value, `be less than or equal to ${maximum}`)] : []];
const listProblems = (schema, value, path) => {
	const { items, maxItems, "x-kubernetes-list-map-keys": keys } = schema;
	const nested = value.flatMap((element, index) => items === void 0 ? [] : shapeProblems(items, element, `${path}[${index}]`));
	const identities = value.map((element) => keys && isJson(element) && keys.map((key) => element[key]));
	const duplicates = identities.flatMap((identity, index) => {
		if (!identity || identities.findIndex((other) => isDeepStrictEqual(other, identity)) === index) return [];
		const named = Object.fromEntries((keys ?? []).map((key, at) => [key, identity[at]]));
		return [{
			reason: "FieldValueDuplicate",
			message: `Duplicate value: ${JSON.stringify(named)}`,
			field: `${path}[${index}]`
		}];
	});
	return [
		...maxItems !== void 0 && value.length > maxItems ? [{
			reason: "FieldValueTooMany",
			message: `Too many: ${value.length}: must have at most ${maxItems} items`,
			field: path
		}] : [],
		...nested,
		...duplicates
	];
};
const ruleProblems = (schema, value, previous, path) => {
	const own = (schema["x-kubernetes-validations"] ?? []).filter(({ message }) => {
		const rule = rules[message];
		if (rule === void 0) throw new Error(`no check stands for the rule "${message}"`);
		return !rule(value, previous);
	}).map(({ message }) => ({
		reason: "FieldValueInvalid",
		message: `Invalid value: ${typeof value === "object" ? "" : `${JSON.stringify(value)}: `}${message}`,
		field: path
	}));
	if (!isJson(value)) return own;
	const before = isJson(previous) ? previous : {};
	const nested = Object.entries(schema.properties ?? {}).flatMap(([field, known]) => value[field] === void 0 || value[field] === null ? [] : ruleProblems(known, value[field], before[field], inside(path, field)));
	return [...own, ...nested];
};
export { conform, problemsOf };
