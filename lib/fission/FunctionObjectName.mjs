import { labels } from "./Labels.mjs";
import { versionSuffix } from "./VersionSuffix.mjs";
// src/fission/FunctionObjectName.ts
/**
* The one name of a function's Deployment, Service and HorizontalPodAutoscaler (newdeploy-and-container.md section 2).
* Other tools look functions up under it. A published version has its own, at most 63 characters as every one.
*/
const functionObjectName = (type, { labels: held, name, namespace, uid }) => {
	const space = namespace ?? "";
	const base = name.length + space.length < 35 ? `${name}-${space}` : `${name.slice(0, 17)}-${space.slice(0, 17)}`;
	const suffix = versionSuffix(held?.[labels.functionVersion] ?? "");
	return `${type}-${base.slice(0, Math.max(0, 35 - suffix.length))}-${(uid ?? "").slice(-17)}${suffix}`.toLowerCase();
};
export { functionObjectName };
