import { canonical, hash16 } from "./Canonical.mjs";
import { gracePeriodSeconds } from "./Environment.mjs";
// src/fission/RuntimeHash.ts
/** Go escapes these in JSON so that it can be put into HTML and into scripts. */
const goJson = (value) => JSON.stringify(value).replace(/[<>&\u2028\u2029]/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
/** A map as Go writes it: by sorted keys, also where JavaScript would put those that are numbers first. */
const goMap = (map) => {
	if (map === null || map === void 0) return "null";
	return `{${Object.entries(map).sort(([a], [b]) => a < b ? -1 : 1).map(([key, value]) => `${goJson(key)}:${goJson(value)}`).join(",")}}`;
};
/** A quantity that Go would print exactly as it stands. */
const canonicalQuantity = /^([1-9]\d{0,2}m?|[1-9]\d{0,2}(Ki|Mi|Gi|Ti))$/u;
const quantities = (map) => {
	if (map === void 0 || map === null) return void 0;
	if (typeof map !== "object") return "unknown";
	const entries = Object.entries(map).sort(([a], [b]) => a < b ? -1 : 1);
	if (!entries.every(([, value]) => typeof value === "string" && canonicalQuantity.test(value))) return "unknown";
	return Object.fromEntries(entries);
};
const resourcesOf = (resources) => {
	const { claims, limits, requests, ...rest } = resources ?? {};
	if (claims !== void 0 || Object.keys(rest).length > 0) return void 0;
	const [limited, requested] = [quantities(limits), quantities(requests)];
	if (limited === "unknown" || requested === "unknown") return void 0;
	return {
		...limited === void 0 || Object.keys(limited).length === 0 ? {} : { limits: limited },
		...requested === void 0 || Object.keys(requested).length === 0 ? {} : { requests: requested }
	};
};
/**
* The stock executor's `fission.io/env-runtime-hash` (poolmgr.md section 5), or undefined where it cannot be reproduced
* exactly: with `container` or `podspec` overlays, and with quantities that Go would rewrite. Any other value must never
* be written into that label.
*/
const runtimeHash = (environment) => {
	const { spec, metadata } = environment;
	const resources = resourcesOf(spec.resources);
	if (resources === void 0 || spec.runtime.container || spec.runtime.podspec) return void 0;
	const text = goJson({
		runtime: { image: spec.runtime.image ?? "" },
		resources,
		grace: gracePeriodSeconds(environment),
		pullSecret: spec.imagepullsecret ?? "",
		extNet: spec.allowAccessToExternalNetwork ?? false
	});
	const maps = `"labels":${goMap(metadata.labels)},"annotations":${goMap(metadata.annotations)}`;
	return hash16(`${text.slice(0, -1)},${maps}}`);
};
/**
* Our own identity of a pod template: sixteen hex digits over everything of the Environment that a running pod depends
* on, without annotations of kubectl, so that re-applying a manifest recycles nothing (poolmgr.md section 5, W09).
*/
const runtimeFingerprint = (environment) => {
	const { spec, metadata } = environment;
	const kept = Object.entries(metadata.annotations ?? {}).filter(([name]) => !name.startsWith("kubectl.kubernetes.io/"));
	return hash16(JSON.stringify(canonical({
		runtime: spec.runtime,
		resources: spec.resources,
		grace: gracePeriodSeconds(environment),
		pullSecret: spec.imagepullsecret,
		extNet: spec.allowAccessToExternalNetwork ? true : void 0,
		labels: metadata.labels,
		annotations: Object.fromEntries(kept)
	})));
};
export { runtimeFingerprint, runtimeHash };
