import { objectOf } from "../podspec/Json.mjs";
// src/executors/DeploymentUpdate.ts
/** The pod template of a Deployment as it came. */
const templateOf = (deployment) => objectOf(objectOf(deployment["spec"])["template"]);
/**
* The live Deployment as we want it; fields unknown to us survive. The selector cannot change, so it stays as it is
* stored, and its labels are forced into a new template (W08, newdeploy-and-container.md
* section 12.3).
*
* @param template undefined: that of `desired`
*/
const updated = (live, desired, replicas, template) => {
	const spec = objectOf(live["spec"]);
	const selector = objectOf(objectOf(spec["selector"])["matchLabels"]);
	return {
		...live,
		metadata: {
			...live.metadata,
			labels: {
				...live.metadata.labels,
				...desired.metadata.labels
			},
			annotations: {
				...live.metadata.annotations,
				...desired.metadata.annotations
			}
		},
		spec: {
			...spec,
			replicas,
			template: template ?? withLabels(desired.spec.template, selector)
		}
	};
};
const withLabels = (template, labels) => {
	const metadata = objectOf(template["metadata"]);
	return {
		...template,
		metadata: {
			...metadata,
			labels: {
				...objectOf(metadata["labels"]),
				...labels
			}
		}
	};
};
export { templateOf, updated };
