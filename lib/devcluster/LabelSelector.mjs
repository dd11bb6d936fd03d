import { keyProblems, labelValueProblems } from "./NameRules.mjs";
import { badRequest } from "./Status.mjs";
import { jsonIn, textsIn } from "./StoredObject.mjs";
// src/devcluster/LabelSelector.ts
const special = /* @__PURE__ */ new Set([
	"(",
	")",
	",",
	"!",
	"==",
	"=",
	"!=",
	">",
	"<",
	""
]);
const operators = /* @__PURE__ */ new Set([
	"in",
	"notin",
	"=",
	"==",
	"!=",
	">",
	"<"
]);
const found = (token, expected) => badRequest(`found '${token}', ${expected}`);
const unparsable = (problem) => badRequest(`unable to parse requirement: ${problem}`);
/**
* A label selector as text: `a`, `!a`, `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a>1`, `a<1`, with commas in
* between; empty selects everything. Throws a 400 `StatusError` when it is none.
*/
const labelSelector = (text) => {
	const tokens = [...text.matchAll(/==|!=|[()!,=<>]|[^\s()!,=<>]+/gu)].map(([token]) => token);
	let position = 0;
	const look = () => tokens[position] ?? "";
	const take = () => tokens[position++] ?? "";
	const key = () => {
		const name = take();
		if (special.has(name)) throw unparsable(`found '${name}', expected: identifier`);
		const [problem] = keyProblems(name);
		if (problem !== void 0) throw unparsable(`<nil>: Invalid value: ${JSON.stringify(name)}: ${problem}`);
		return name;
	};
	const list = () => {
		const open = take();
		if (open !== "(") throw unparsable(`found '${open}' expected: '('`);
		const values = [];
		for (let wanted = true; look() !== ")"; wanted = !wanted) {
			if (wanted ? special.has(look()) && look() !== "," : look() !== ",") throw unparsable(`found '${look()}', expected: ${wanted ? "',', ')' or identifier" : "',' or ')'"}`);
			if (wanted) values.push(look() === "," ? "" : take());
			else if (take() === "," && look() === ")") values.push("");
		}
		take();
		return values.length === 0 ? [""] : values;
	};
	const one = () => {
		if (look() === "" || look() === ",") return "";
		if (special.has(look())) throw unparsable(`found '${look()}', expected: identifier`);
		return take();
	};
	const requirement = () => {
		const isAbsent = look() === "!";
		if (isAbsent) take();
		const name = key();
		if (isAbsent || look() === "" || look() === ",") return [name, (value) => value === void 0 === isAbsent];
		const operator = take();
		if (!operators.has(operator)) throw unparsable(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
		const values = operator.endsWith("in") ? list() : [one()];
		values.forEach((value, index) => {
			const [problem] = labelValueProblems(value);
			if (problem !== void 0) throw unparsable(`values[${index}][${name}]: Invalid value: ${JSON.stringify(value)}: ${problem}`);
		});
		return [name, comparison(operator, values)];
	};
	const requirements = [];
	if (look() !== "" && look() !== "!" && special.has(look())) throw found(look(), "expected: !, identifier, or 'end of string'");
	while (look() !== "") {
		requirements.push(requirement());
		if (look() === "") break;
		const comma = take();
		if (comma !== ",") throw found(comma, "expected: ',' or 'end of string'");
		if (look() !== "!" && special.has(look())) throw found(look(), "expected: identifier after ','");
	}
	return (object) => {
		const labels = textsIn(jsonIn(object, "metadata"), "labels");
		return requirements.every(([name, holds]) => holds(Object.hasOwn(labels, name) ? labels[name] : void 0));
	};
};
const comparison = (operator, values) => {
	const [bound = ""] = values;
	switch (operator) {
		case ">":
		case "<":
			if (!/^-?\d+$/u.test(bound)) throw unparsable(`values[0]: Invalid value: ${JSON.stringify(bound)}: for 'Gt', 'Lt' operators, the value must be an integer`);
			return (value) => value !== void 0 && /^-?\d+$/u.test(value) && (operator === ">" ? Number(value) > Number(bound) : Number(value) < Number(bound));
		case "!=":
		case "notin": return (value) => value === void 0 || !values.includes(value);
		default: return (value) => value !== void 0 && values.includes(value);
	}
};
export { labelSelector };
