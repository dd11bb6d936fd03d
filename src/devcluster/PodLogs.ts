import { Context, Layer } from "effect"

/** Lines kept of each container. */
const kept = 1000

/** One container of one Pod. */
export interface ContainerReference {
  readonly namespace: string
  readonly pod: string
  readonly container: string
}

/** What the containers of the embedded cluster wrote: the last 1000 lines of each, in memory. All synchronous. */
export class PodLogs extends Context.Service<
  PodLogs,
  {
    readonly append: (from: ContainerReference, line: string) => void
    /** Oldest first; undefined when the container never wrote anything. */
    readonly read: (of: ContainerReference) => ReadonlyArray<string> | undefined
    /** Drops everything that the Pod wrote. */
    readonly forget: (pod: Pick<ContainerReference, "namespace" | "pod">) => void
  }
>()("fission-executor/devcluster/PodLogs") {
  static readonly layer = Layer.sync(PodLogs, () => {
    const pods = new Map<string, Map<string, Array<string>>>()
    const podKey = ({ namespace, pod }: Pick<ContainerReference, "namespace" | "pod">) => `${namespace}/${pod}`
    return PodLogs.of({
      append: (from, line) => {
        const containers = pods.get(podKey(from)) ?? new Map<string, Array<string>>()
        pods.set(podKey(from), containers)
        const lines = containers.get(from.container) ?? []
        containers.set(from.container, lines)
        lines.push(line)
        if (lines.length > kept) lines.shift()
      },
      read: (of) => pods.get(podKey(of))?.get(of.container),
      forget: (pod) => void pods.delete(podKey(pod))
    })
  })
}
