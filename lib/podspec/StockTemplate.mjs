import { annotations, labels } from "../fission/Labels.mjs";
import { quantityOf } from "../fission/Quantity.mjs";
import { comparableCommand } from "./FetcherContainer.mjs";
import { isObject, isUnset, listOf, objectOf } from "./Json.mjs";
import { fetcherOverlay, withoutTokenMounts } from "./TokenMounts.mjs";
// src/podspec/StockTemplate.ts
/** What an API server fills in where a template leaves it out, and what Go leaves out where a template has it. */
const defaults = {
	restartPolicy: "Always",
	dnsPolicy: "ClusterFirst",
	schedulerName: "default-scheduler",
	terminationMessagePath: "/dev/termination-log",
	terminationMessagePolicy: "File",
	protocol: "TCP",
	scheme: "HTTP",
	initialDelaySeconds: 0,
	timeoutSeconds: 1,
	periodSeconds: 10,
	successThreshold: 1,
	failureThreshold: 3,
	defaultMode: 420,
	expirationSeconds: 3600,
	apiVersion: "v1",
	divisor: "0",
	readOnly: false,
	stdin: false,
	stdinOnce: false,
	tty: false
};
/** Defaults that depend on other fields: of the image's tag, and the older name of the service account. */
const derived = /* @__PURE__ */ new Set(["imagePullPolicy", "serviceAccount"]);
/** Maps of quantities, which an API server rewrites. */
const quantities = /* @__PURE__ */ new Set(["limits", "requests"]);
/**
* Whether the template of a live Deployment is what the stock executor makes of the Environment for which we would make
* `desired`. It differs from ours in what we take more care of (W09, W22, W31, W37); none of that is worth a new pod.
*/
const isOfStock = (desired, live) => {
	const secrets = listOf(objectOf(live["spec"])["imagePullSecrets"]);
	return alike(comparable(desired, secrets.length), comparable(live, secrets.length), "template");
};
const comparable = (template, pullSecrets) => {
	const { annotations: allAnnotations, labels: allLabels } = objectOf(template["metadata"]);
	const spec = objectOf(template["spec"]);
	const isMeant = ([name]) => !name.startsWith("kubectl.kubernetes.io/") && name !== annotations.runtimeFingerprint;
	const { [labels.runtimeHash]: _, ...otherLabels } = objectOf(allLabels);
	return {
		labels: otherLabels,
		annotations: Object.fromEntries(Object.entries(objectOf(allAnnotations)).filter(isMeant)),
		...spec,
		initContainers: byName(listOf(spec["initContainers"])),
		containers: byName(listOf(spec["containers"])),
		imagePullSecrets: listOf(spec["imagePullSecrets"]).slice(-pullSecrets)
	};
};
/** The order of containers is random in the stock executor (W22). */
const byName = (containers) => Object.fromEntries(containers.map((container) => [String(container["name"]), comparableContainer(container)]));
/** Of the fetcher only what an Environment may say of it (W37); no sleep, which follows another grace (W31). */
const comparableContainer = (container) => {
	if (container["name"] === "fetcher") return {
		...fetcherOverlay(container).container,
		command: comparableCommand(container["command"])
	};
	const { lifecycle, ...others } = withoutTokenMounts(container).container;
	const { preStop, ...handlers } = objectOf(lifecycle);
	return {
		...others,
		lifecycle: {
			...handlers,
			...objectOf(preStop)["sleep"] === void 0 ? { preStop } : {}
		}
	};
};
const alike = (desired, live, field) => {
	if (Array.isArray(desired) && Array.isArray(live)) return desired.length === live.length && desired.every((element, index) => alike(element, live[index], field));
	if (isObject(desired) && isObject(live)) return [.../* @__PURE__ */ new Set([...Object.keys(desired), ...Object.keys(live)])].every((key) => quantities.has(field) ? quantityOf(desired[key]) === quantityOf(live[key]) : alike(desired[key], live[key], key));
	return desired === live || isDefault(desired, field) && isDefault(live, field) || isDerived(desired, field);
};
/** Whether a field says no more than leaving it out. */
const isDefault = (value, field) => isUnset(value) || value === defaults[field] || isObject(value) && Object.keys(value).every((key) => isDefault(value[key], key));
const isDerived = (desired, field) => derived.has(field) && isUnset(desired);
export { isOfStock };
