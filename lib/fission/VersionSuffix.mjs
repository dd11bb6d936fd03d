import { hash } from "node:crypto";
// src/fission/VersionSuffix.ts
/** The first eight hexadecimal digits of a text's SHA-256, as names of objects carry them. */
const hash8 = (text) => hash("sha256", text, "hex").slice(0, 8);
/**
* What the name of an object says of the published version that it is for: `-v3` for the version `hello-v3`, a hash for a
* name of another form, nothing for the live function. A sequence has 19 digits at most.
*/
const versionSuffix = (version) => version === "" ? "" : /-v\d{1,19}$/u.exec(version)?.[0] ?? `-v${hash8(version)}`;
export { hash8, versionSuffix };
