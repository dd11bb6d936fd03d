import { hash8, versionSuffix } from "./VersionSuffix.mjs";
// src/fission/FunctionServiceName.ts
/** Longest name of a Service. */
const nameLimit = 63;
/**
* Name of a function's headless Service: `fn-<name>-<hash of the UID>`, with a suffix for a published version; the name of
* the function is cut where the whole would be longer than 63 characters (poolmgr.md section 10).
*
* @param version name of the FunctionVersion; empty for the function itself
*/
const functionServiceName = ({ name, uid }, version) => {
	const end = `-${hash8(uid ?? "")}${versionSuffix(version)}`;
	return `fn-${name}`.slice(0, nameLimit - end.length) + end;
};
export { functionServiceName };
