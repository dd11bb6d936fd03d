// src/devcluster/NameRules.ts
const pattern = (source) => ({
	source,
	whole: new RegExp(`^${source}$`, "u")
});
const label = pattern("[a-z0-9]([-a-z0-9]*[a-z0-9])?");
const subdomain = pattern(`${label.source}(\\.${label.source})*`);
const qualified = pattern("([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]");
const labelValue = pattern(`(${qualified.source})?`);
const breaks = ({ whole }, text) => !whole.test(text);
const unlike = (rule, { source }, ...examples) => `${rule} (e.g. ${examples.map((example) => `'${example}'`).join(",  or ")}, regex used for validation is '${source}')`;
const lowerCase = "must consist of lower case alphanumeric characters";
const mixed = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const ends = "and must start and end with an alphanumeric character";
/** The rule of most names: several labels with dots between them, at most 253 characters. */
const subdomainProblems = (text) => [...text.length > 253 ? ["must be no more than 253 characters"] : [], ...breaks(subdomain, text) ? [unlike(`a lowercase RFC 1123 subdomain ${lowerCase}, '-' or '.', ${ends}`, subdomain, "example.com")] : []];
/** The rule of Namespaces, Services and containers: one label, at most 63 characters. */
const labelProblems = (text) => {
	if (text.includes(".")) return ["must not contain dots"];
	return [...text.length > 63 ? ["must be no more than 63 characters"] : [], ...breaks(label, text) ? [unlike(`a lowercase RFC 1123 label ${lowerCase} or '-', ${ends}`, label, "my-name", "123-abc")] : []];
};
/** The rule of keys of labels and annotations: a name, at most 63 bytes, with or without `prefix/`. */
const keyProblems = (text) => {
	const parts = text.split("/");
	const examples = [
		"MyName",
		"my.name",
		"123-abc"
	];
	if (parts.length > 2) return [`${unlike(`a valid label key must consist of ${mixed}`, qualified, ...examples)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
	const name = parts.at(-1) ?? "";
	const prefix = parts.length === 2 ? parts[0] : void 0;
	return [
		...prefix === "" ? ["prefix part must be non-empty"] : [],
		...prefix ? subdomainProblems(prefix).map((problem) => `prefix part ${problem}`) : [],
		...name === "" ? ["name part must be non-empty"] : [],
		...name.length > 63 ? ["name part must be no more than 63 bytes"] : [],
		...breaks(qualified, name) ? [unlike(`name part must consist of ${mixed}`, qualified, ...examples)] : []
	];
};
/** The rule of the values of labels: nothing, or a name of at most 63 bytes. */
const labelValueProblems = (text) => [...text.length > 63 ? ["must be no more than 63 bytes"] : [], ...breaks(labelValue, text) ? [unlike(`a valid label must be an empty string or consist of ${mixed}`, labelValue, "MyValue", "my_value", "12345")] : []];
export { keyProblems, labelProblems, labelValueProblems, subdomainProblems };
