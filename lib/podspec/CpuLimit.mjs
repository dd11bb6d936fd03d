import { quantityOf } from "../fission/Quantity.mjs";
// src/podspec/CpuLimit.ts
/**
* Millicores above which a pod takes no further request: 85 % of the CPU limits of its containers, rounded up; 0 when no
* container has one, which means no limit (function-service-cache.md section 4.6, C13).
*/
const cpuLimit = (pod) => {
	const limits = (pod.spec?.containers ?? []).map((container) => millicores(container.resources?.limits?.["cpu"]));
	return Math.ceil(85 * limits.reduce((sum, limit) => sum + limit, 0) / 100);
};
/** Whole millicores, rounded up from the billionths that a quantity can name. */
const millicores = (quantity) => Math.ceil(Math.round((quantityOf(quantity) ?? 0) * 1e9) / 1e6);
export { cpuLimit };
