import { isDeepStrictEqual } from "node:util"
import { Effect, Layer } from "effect"
import { isDeleting, isTerminated } from "../../fission/Workloads.ts"
import { KubernetesApi, KubernetesDeletion, type KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import * as EventRecorder from "../EventRecorder.ts"
import * as Informer from "../Informer.ts"
import {
  controlledBy,
  EndpointSlices,
  isSelected,
  referenceOf,
  type Service,
  Services,
  type WorkloadPod,
  WorkloadPods
} from "../Kinds.ts"
import * as WorkQueue from "../WorkQueue.ts"
import { ClusterView } from "./ClusterView.ts"
import { isPodReady } from "./PodRank.ts"

/** The label by which an EndpointSlice names its Service. */
const serviceLabel = "kubernetes.io/service-name"

/** Labels by which a slice of ours is known, beside those of its Service. */
const labelsOf = ({ metadata, spec }: Service): { readonly [label: string]: string } => ({
  ...metadata.labels,
  ...(spec?.clusterIP === "None" ? { "service.kubernetes.io/headless": "" } : {}),
  [serviceLabel]: metadata.name,
  "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"
})

/**
 * Keeps one EndpointSlice for each Service that has a selector, with every pod that has an address and has not ended.
 * A port is the same for all of its pods: a name stands for the port of the first pod that has it. A real API server
 * refuses loopback addresses, which are all that the embedded kubelet gives to pods.
 */
export const EndpointSliceControllerLayer: Layer.Layer<never, never, ClusterView | KubernetesApi | KubernetesDeletion> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      const { pods } = yield* ClusterView
      const record = yield* EventRecorder.make("endpoint-slice-controller")
      const services = yield* Informer.make({ kind: Services })
      const slices = yield* Informer.make({ kind: EndpointSlices })

      const podsOf = ({ metadata, spec }: Service) =>
        [...pods.store.values(metadata.namespace ?? "")]
          .filter((pod) => selects(spec, pod.metadata))
          .sort((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1))

      const write = Effect.fnUntraced(function* (service: Service) {
        const { metadata } = service
        const { endpoints, ports } = contentsOf(service, podsOf(service))
        const name = sliceName(service)
        const known = slices.store.get(metadata.namespace ?? "", name)
        if (known === undefined) {
          const created = yield* api.create(EndpointSlices, sliceOf(service, endpoints, ports))
          return yield* slices.untilAsNewAs(created)
        }
        const labels = labelsOf(service)
        const isCurrent =
          isDeepStrictEqual(known.endpoints ?? [], endpoints) &&
          isDeepStrictEqual(known.ports ?? [], ports) &&
          isDeepStrictEqual(known.metadata.labels ?? {}, labels)
        if (isCurrent) return
        const gone = Object.keys(known.metadata.labels ?? {}).map((label) => [label, null])
        const written = yield* api.patch(EndpointSlices, referenceOf(known.metadata), {
          type: "merge",
          body: {
            metadata: { uid: known.metadata.uid, labels: { ...Object.fromEntries(gone), ...labels } },
            endpoints,
            ports
          }
        })
        yield* slices.untilAsNewAs(written)
      })

      /** A Service that has lost its selector keeps no slice of ours; one that is deleted is left to the garbage collector. */
      const reconcile = Effect.fnUntraced(function* (namespace: string, name: string) {
        const service = services.store.get(namespace, name)
        if (service === undefined || isDeleting(service.metadata)) return
        if (hasSelector(service)) {
          return yield* Effect.tapError(write(service), ({ message }) =>
            record(
              { kind: Services, metadata: service.metadata },
              { type: "Warning", reason: "FailedToUpdateEndpointSlices", message }
            )
          )
        }
        const known = slices.store.get(namespace, sliceName(service))
        if (known === undefined) return
        yield* deletion.delete(EndpointSlices, referenceOf(known.metadata), { uid: known.metadata.uid ?? "" })
      })

      const ready = Effect.all([pods.synced, services.synced, slices.synced])
      const add = yield* WorkQueue.make("endpointslice", ready, reconcile)
      services.subscribe(({ object }) => add(object.metadata.namespace ?? "", object.metadata.name))
      slices.subscribe(({ object: { metadata } }) => {
        const service = metadata.labels?.[serviceLabel]
        if (service !== undefined) add(metadata.namespace ?? "", service)
      })
      pods.subscribe((change) => {
        const { metadata } = change.object
        const previous = change.type === "Upsert" ? change.previous?.metadata : undefined
        for (const { metadata: service, spec } of services.store.values(metadata.namespace ?? "")) {
          const isConcerned = selects(spec, metadata) || (previous !== undefined && selects(spec, previous))
          if (isConcerned) add(service.namespace ?? "", service.name)
        }
      })
    })
  )

const selects = (spec: Service["spec"], metadata: WorkloadPod["metadata"]): boolean =>
  isSelected(metadata, { matchLabels: spec?.selector ?? {} })

const hasSelector = ({ spec }: Service): boolean => Object.keys(spec?.selector ?? {}).length > 0

/** Always the same, so that a creation whose answer was lost is found again. */
const sliceName = ({ metadata }: Service): string => `${metadata.name}-${(metadata.uid ?? "").slice(0, 5)}`

const sliceOf = (
  service: Service,
  endpoints: ReadonlyArray<object>,
  ports: ReadonlyArray<object>
): KubernetesObject => ({
  metadata: {
    namespace: service.metadata.namespace,
    name: sliceName(service),
    labels: labelsOf(service),
    ownerReferences: [controlledBy(Services, service.metadata)]
  },
  addressType: "IPv4",
  endpoints,
  ports
})

const contentsOf = ({ spec }: Service, selected: ReadonlyArray<WorkloadPod>) => {
  const serving = selected.filter((pod) => pod.status?.podIP !== undefined && !hasEnded(pod))
  return {
    endpoints: serving.map((pod) => endpointOf(pod, spec?.publishNotReadyAddresses === true)),
    ports: (spec?.ports ?? []).flatMap(({ appProtocol, name, port, protocol, targetPort }) => {
      const number = portOf(serving, targetPort ?? port)
      if (number === undefined) return []
      const known = { name: name ?? "", port: number, protocol: protocol ?? "TCP" }
      return [appProtocol === undefined ? known : { ...known, appProtocol }]
    })
  }
}

const hasEnded = ({ metadata, status }: WorkloadPod): boolean =>
  isTerminated({ metadata, status: { phase: status?.phase ?? "Pending" } })

const endpointOf = (pod: WorkloadPod, isReadyAnyhow: boolean) => {
  const { metadata, spec, status } = pod
  const serving = isPodReady(pod)
  const terminating = isDeleting(metadata)
  return {
    addresses: [status?.podIP ?? ""],
    conditions: { ready: isReadyAnyhow || (serving && !terminating), serving, terminating },
    ...(spec?.nodeName === undefined ? {} : { nodeName: spec.nodeName }),
    targetRef: { kind: WorkloadPods.kind, namespace: metadata.namespace, name: metadata.name, uid: metadata.uid }
  }
}

const portOf = (pods: ReadonlyArray<WorkloadPod>, wanted: string | number): number | undefined => {
  if (typeof wanted === "number") return wanted
  const ports = pods.flatMap(({ spec }) => (spec?.containers ?? []).flatMap(({ ports }) => ports ?? []))
  return ports.find(({ name }) => name === wanted)?.containerPort
}
