// src/fission/Quantity.ts
const binary = [
	"Ki",
	"Mi",
	"Gi",
	"Ti",
	"Pi",
	"Ei"
];
/** Powers of ten behind the decimal suffixes. */
const decimal = {
	n: -9,
	u: -6,
	m: -3,
	"": 0,
	k: 3,
	M: 6,
	G: 9,
	T: 12,
	P: 15,
	E: 18
};
const pattern = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([KMGTPE]i)|([numkMGTPE]?)|[eE]([+-]?\d+))$/u;
/**
* The number that a Kubernetes quantity stands for, so that quantities compare by value: `1000m` is 1. Undefined where
* the value is no quantity.
*/
const quantityOf = (value) => {
	if (typeof value === "number") return value;
	const [, digits = "", binarySuffix, suffix = "", exponent] = typeof value === "string" && pattern.exec(value) || [];
	if (digits === "") return void 0;
	if (binarySuffix !== void 0) return Number(digits) * 1024 ** (binary.indexOf(binarySuffix) + 1);
	return Number(`${digits.replace(/\.$/u, "")}e${exponent ?? decimal[suffix] ?? 0}`);
};
export { quantityOf };
