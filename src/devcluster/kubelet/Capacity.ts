import { quantityOf } from "../../fission/Quantity.ts"
import type { Container, KubeletPod } from "./PodObject.ts"

/** What a node has for pods, as Kubernetes quantities. */
export interface Capacity {
  readonly pods: string
  readonly cpu: string
  readonly memory: string
}

/** So much that a pod is hardly ever refused. */
export const plenty: Capacity = { pods: "500", cpu: "1000", memory: "1000Gi" }

/** The resources that are counted, and what is said where one does not suffice. */
const shortages = { cpu: "Insufficient cpu", memory: "Insufficient memory", pods: "Too many pods" } as const

type Resource = keyof typeof shortages
/** Amounts in cores, bytes and pods. */
type Amounts = { readonly [resource in Resource]: number }

const nothing: Amounts = { cpu: 0, memory: 0, pods: 0 }

const each = (amount: (resource: Resource) => number): Amounts => ({
  cpu: amount("cpu"),
  memory: amount("memory"),
  pods: amount("pods")
})

const plus = (left: Amounts, right: Amounts): Amounts => each((resource) => left[resource] + right[resource])

/** What a container asks for; a limit counts as a request where there is none. */
const requestOf = ({ resources }: Container): Amounts =>
  each((resource) => quantityOf(resources?.requests?.[resource] ?? resources?.limits?.[resource]) ?? 0)

/** What a Pod takes of its node: its containers together, or an init container that needs more. */
const requestsOf = ({ spec }: KubeletPod): Amounts => {
  const together = spec.containers.map(requestOf).reduce(plus, nothing)
  const before = (spec.initContainers ?? []).map(requestOf)
  return { ...each((resource) => Math.max(together[resource], ...before.map((one) => one[resource]))), pods: 1 }
}

/** Why a Pod has no place beside others on a node, in the scheduler's words; empty where it has. */
export const shortagesOf = (
  capacity: Capacity,
  others: ReadonlyArray<KubeletPod>,
  pod: KubeletPod
): ReadonlyArray<string> => {
  const wanted = requestsOf(pod)
  const taken = others.map(requestsOf).reduce(plus, wanted)
  const lacks = (resource: Resource) =>
    wanted[resource] > 0 && taken[resource] > (quantityOf(capacity[resource]) ?? 0) ? [shortages[resource]] : []
  return (["cpu", "memory", "pods"] as const).flatMap(lacks)
}
