import { Effect } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { Nodes } from "../Kinds.ts"
import { timestamp } from "../Timestamp.ts"

/** Makes the Node exist and reports it ready. Repeatable. */
export const registerNode = (
  name: string,
  capacity: { readonly pods: number }
): Effect.Effect<void, KubernetesError, KubernetesApi> =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const now = yield* timestamp
    yield* api
      .create(Nodes, { metadata: { name, labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" } } })
      .pipe(Effect.catchTag("KubernetesAlreadyExists", () => Effect.void))
    const amount = { pods: String(capacity.pods), cpu: "1000", memory: "1000Gi" }
    yield* api.patch(
      Nodes,
      { name },
      {
        type: "merge",
        subresource: "status",
        body: {
          status: {
            capacity: amount,
            allocatable: amount,
            addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
            conditions: [
              { type: "Ready", status: "True", reason: "KubeletReady", lastHeartbeatTime: now, lastTransitionTime: now }
            ]
          }
        }
      }
    )
  })
