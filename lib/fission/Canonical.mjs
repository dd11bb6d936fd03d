import { hash } from "node:crypto";
// src/fission/Canonical.ts
/** The first sixteen hex digits of the SHA-256 of a text. */
const hash16 = (text) => hash("sha256", text, "hex").slice(0, 16);
/** Sorted keys; absent, null and empty are all left out, so that they are alike. An explicit false is none of these. */
const canonical = (value) => {
	if (Array.isArray(value)) return value.map(canonical);
	if (typeof value !== "object" || value === null) return value;
	const entries = Object.entries(value).map(([key, field]) => [key, canonical(field)]).filter(([, field]) => !isEmpty(field)).sort(([a], [b]) => a < b ? -1 : 1);
	return Object.fromEntries(entries);
};
const isEmpty = (value) => value === void 0 || value === null || value === "" || typeof value === "object" && Object.keys(value).length === 0;
export { canonical, hash16 };
