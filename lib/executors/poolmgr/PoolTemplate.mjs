import { annotations } from "../../fission/Labels.mjs";
import { objectOf } from "../../podspec/Json.mjs";
import { isDeepStrictEqual } from "node:util";
// src/executors/poolmgr/PoolTemplate.ts
/** Whether pods of both templates are alike; annotations of kubectl, as of a restart, do not count (W09). */
const areAlike = (left, right) => isDeepStrictEqual(withoutKubectl(left), withoutKubectl(right));
const withoutKubectl = (template) => {
	const metadata = objectOf(template["metadata"]);
	const kept = Object.entries(objectOf(metadata["annotations"])).filter(([name]) => !name.startsWith("kubectl.kubernetes.io/"));
	return {
		...template,
		metadata: {
			...metadata,
			annotations: Object.fromEntries(kept)
		}
	};
};
/** The template of a Deployment that was written like this. */
const knownTemplate = ({ annotations: held, uid }, template) => ({
	writer: `${uid ?? ""}/${held?.[annotations.runtimeFingerprint] ?? ""}`,
	template
});
export { areAlike, knownTemplate };
