import { canonical, hash16 } from "../fission/Canonical.mjs";
import { annotations } from "../fission/Labels.mjs";
import { comparableCommand } from "./FetcherContainer.mjs";
import { listOf, objectOf } from "./Json.mjs";
import { isOfStock } from "./StockTemplate.mjs";
// src/podspec/TemplateHash.ts
/**
* Sixteen hex digits over everything of a template that a running pod depends on. Labels, annotations of kubectl and the
* Function's metadata that the fetcher gets are left out: a change of those alone is not worth new pods
* (newdeploy-and-container.md sections 7 and 12.2).
*/
const templateHash = (template) => {
	const meant = Object.entries(objectOf(objectOf(template["metadata"])["annotations"])).filter(([name]) => !name.startsWith("kubectl.kubernetes.io/"));
	const spec = objectOf(template["spec"]);
	const containers = listOf(spec["containers"]).map((container) => container["name"] === "fetcher" ? {
		...container,
		command: comparableCommand(container["command"])
	} : container);
	return hash16(JSON.stringify(canonical({
		annotations: Object.fromEntries(meant),
		spec: {
			...spec,
			containers
		}
	})));
};
/**
* Whether a Deployment of one function has the template that is wanted: its annotation decides, or the template itself on
* one that the stock executor made. So nothing rolls when we take over.
*/
const isTemplateCurrent = (desired, live) => {
	const hash = live.metadata.annotations?.[annotations.templateHash];
	if (hash !== void 0) return hash === desired.metadata.annotations[annotations.templateHash];
	return isOfStock(withoutLabels(desired.spec.template), withoutLabels(objectOf(live.spec.template)));
};
const withoutLabels = (template) => ({
	...template,
	metadata: {
		...objectOf(template["metadata"]),
		labels: {}
	}
});
export { isTemplateCurrent, templateHash };
