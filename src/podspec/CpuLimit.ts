import { quantityOf } from "../fission/Quantity.ts"
import type { PodMetrics } from "../fission/PodReports.ts"
import type { Pod } from "../fission/Workloads.ts"

/**
 * Millicores above which a pod takes no further request: 85 % of the CPU limits of its containers, rounded up; 0 when no
 * container has one, which means no limit (function-service-cache.md section 4.6, C13).
 */
export const cpuLimit = (pod: Pod): number => {
  const limits = (pod.spec?.containers ?? []).map((container) => millicores(container.resources?.limits?.["cpu"]))
  return Math.ceil((85 * limits.reduce((sum, limit) => sum + limit, 0)) / 100)
}

/** Millicores that all containers of a pod used when they were measured. */
export const cpuUsage = ({ containers }: PodMetrics): number =>
  (containers ?? []).reduce((sum, { usage }) => sum + millicores(usage?.["cpu"]), 0)

/** Whole millicores, rounded up from the billionths that a quantity can name. */
const millicores = (quantity: unknown): number => Math.ceil(Math.round((quantityOf(quantity) ?? 0) * 1e9) / 1e6)
