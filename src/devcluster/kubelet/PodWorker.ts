import { isDeepStrictEqual } from "node:util"
import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Latch, Queue, Schedule, type Scope } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import { KubernetesApi, KubernetesDeletion } from "../../kubernetes/KubernetesApi.ts"
import type { Happening, RecordEvent } from "../EventRecorder.ts"
import { referenceOf } from "../Kinds.ts"
import { PodLogs } from "../PodLogs.ts"
import { timestamp } from "../Timestamp.ts"
import { dataReader, environmentOf, type PodContext } from "./ContainerConfig.ts"
import * as ContainerProcess from "./ContainerProcess.ts"
import * as ContainerRunner from "./ContainerRunner.ts"
import { type ContainerState, creating, hasSucceeded, initializing } from "./ContainerState.ts"
import { handlersOf } from "./Handlers.ts"
import { type Container, type KubeletPod, KubeletPods } from "./PodObject.ts"
import { type PodStatus, podStatus } from "./PodStatus.ts"
import type { Program } from "./Programs.ts"
import { type ImagePullError, makeVolumes } from "./Volumes.ts"

/** Where the pod's processes find the API server. */
export interface ApiServerAddress {
  readonly url: string
  readonly token?: string | undefined
  /** PEM file by which its certificate is verified, besides the public authorities. */
  readonly certificateAuthority?: string | undefined
}

/** What a worker is told about its pod and its node. */
export interface PodWorkerOptions {
  readonly pod: KubeletPod
  readonly address: string
  readonly nodeName: string
  /** The directory below which the pod gets its own. */
  readonly podRoot: string
  readonly programs: ReadonlyArray<Program>
  readonly apiServer: ApiServerAddress
  /** The OCI image layout with the code of OCI packages; undefined where there is none. */
  readonly imageLayout: string | undefined
  readonly record: RecordEvent
}

/** A pod that runs on the node. */
export interface PodWorker {
  readonly pod: KubeletPod
  readonly address: string
  /** The directory that is the root of its containers. */
  readonly root: string
  /** Process ids of the containers that run. */
  readonly pids: () => ReadonlyMap<string, number>
  /** Runs the pod until it has been deleted. Interrupting it kills the processes and waits for their end. */
  readonly run: Effect.Effect<void>
  /** The pod is being deleted; a later, shorter grace period takes the place of an earlier one. */
  readonly beginDeletion: (graceSeconds: number) => void
}

/** Pauses between attempts to write a status or the final delete. */
const untilWritten = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")])

const isTransient = (error: KubernetesError): boolean =>
  error._tag !== "KubernetesNotFound" && error._tag !== "KubernetesConflict"

/** Makes a worker; nothing happens before `run`. */
export const make = Effect.fnUntraced(function* (options: PodWorkerOptions) {
  const api = yield* KubernetesApi
  const deletion = yield* KubernetesDeletion
  const logs = yield* PodLogs
  const { address, apiServer, imageLayout, nodeName, pod, record } = options
  const { metadata, spec } = pod
  const namespace = metadata.namespace ?? ""
  const uid = metadata.uid ?? ""
  const root = join(options.podRoot, `${namespace}_${metadata.name}_${uid}`)
  const context: PodContext = { pod, address, nodeName }
  const initContainers = spec.initContainers ?? []
  const initial = initContainers.length === 0 ? creating : initializing
  const states = new Map<string, ContainerState>(
    [...initContainers, ...spec.containers].map(({ name }) => [name, initial])
  )
  const changed = yield* Latch.make()
  const graces = yield* Queue.sliding<number>(1)
  const lines = yield* Queue.sliding<{ readonly container: string; readonly line: string }>(1000)

  const own = {
    POD_IP: address,
    POD_ROOT: root,
    POD_NAME: metadata.name,
    POD_NAMESPACE: namespace,
    KUBERNETES_API_URL: apiServer.url,
    ...(apiServer.token === undefined ? {} : { KUBERNETES_API_TOKEN: apiServer.token }),
    ...(imageLayout === undefined ? {} : { OCI_IMAGE_LAYOUT: imageLayout }),
    ...(apiServer.certificateAuthority === undefined ? {} : { NODE_EXTRA_CA_CERTS: apiServer.certificateAuthority })
  }

  const runnerOf = (container: Container, field: "containers" | "initContainers", restartPolicy: string) => {
    const subject = { kind: KubeletPods, metadata, fieldPath: `spec.${field}{${container.name}}` }
    return ContainerRunner.make({
      container,
      runtime: { start: ContainerProcess.start, handlersOf },
      programs: options.programs,
      address,
      directory: root,
      environment: Effect.gen(function* () {
        const read = yield* dataReader(api, namespace)
        return { ...own, ...(yield* environmentOf(context, read, container.env ?? [], container.envFrom ?? [])) }
      }),
      restartPolicy,
      graceSeconds: spec.terminationGracePeriodSeconds ?? 30,
      onState: (state) => {
        states.set(container.name, state)
        changed.openUnsafe()
      },
      onLine: (line) => {
        logs.append({ namespace, pod: metadata.name, container: container.name }, line)
        Queue.offerUnsafe(lines, { container: container.name, line })
      },
      record: (happening) => record(subject, happening)
    })
  }

  const restartPolicy = spec.restartPolicy ?? "Always"
  const initPolicy = restartPolicy === "Never" ? "Never" : "OnFailure"
  const initRunners = initContainers.map((container) => runnerOf(container, "initContainers", initPolicy))
  const runners = new Map(
    spec.containers.map((container) => [container.name, runnerOf(container, "containers", restartPolicy)])
  )
  const allRunners = [...initRunners, ...runners.values()]

  const logLines = Effect.forever(
    Effect.flatMap(Queue.take(lines), ({ container, line }) =>
      Effect.annotateLogs(Effect.logDebug(line), { namespace, pod: metadata.name, container })
    )
  )

  /** Writes the status after each change, as often as the API takes it. */
  const keepStatus = Effect.gen(function* () {
    const startTime = yield* timestamp
    let written: PodStatus | undefined
    const write = Effect.gen(function* () {
      yield* changed.await
      changed.closeUnsafe()
      const status = podStatus({ pod, address, startTime, containers: states }, written, yield* timestamp)
      if (isDeepStrictEqual(status, written)) return
      yield* api
        .patch(KubeletPods, referenceOf(metadata), {
          type: "merge",
          subresource: "status",
          body: { metadata: { uid }, status }
        })
        .pipe(Effect.tapError(() => changed.open))
      written = status
    })
    yield* Effect.forever(Effect.retry(write, { schedule: untilWritten, while: isTransient }))
  }).pipe(Effect.catch((error) => Effect.logDebug("pod has gone while its status was written", error)))

  const warn = (reason: string, message: string) => {
    const happening: Happening = { type: "Warning", reason, message }
    return record({ kind: KubeletPods, metadata }, happening)
  }

  /** Without the image of a volume no container starts, and each says so. */
  const failToPull = ({ message }: ImagePullError) =>
    Effect.suspend(() => {
      const state = { waiting: { reason: "ErrImagePull", message } }
      for (const name of states.keys()) states.set(name, { ...creating, state })
      return Effect.andThen(changed.open, warn("Failed", `Failed to pull the image of a volume: ${message}`))
    })

  const prepare = Effect.gen(function* () {
    yield* Effect.promise(() => mkdir(root, { recursive: true }))
    const read = yield* dataReader(api, namespace)
    yield* makeVolumes(context, { read, token: apiServer.token ?? "", imageLayout }, root)
  }).pipe(
    Effect.tapError((error) =>
      error._tag === "ImagePullError"
        ? failToPull(error)
        : Effect.andThen(changed.open, warn("FailedMount", error.message))
    ),
    Effect.retry(untilWritten)
  )

  /** The init containers one after the other; false when one has failed for good. */
  const initialize = Effect.gen(function* () {
    for (const { run } of initRunners) yield* run
    return initContainers.every(({ name }) => hasSucceeded(states.get(name)))
  })

  const runContainers = Effect.gen(function* () {
    yield* prepare
    if (!(yield* initialize)) return
    yield* Effect.forEach(runners.values(), ({ run }) => run, { concurrency: "unbounded", discard: true })
  })

  const stop = (graceSeconds: number) =>
    Effect.forEach(allRunners, (runner) => runner.stop(graceSeconds), { concurrency: "unbounded", discard: true })

  /** Stops everything; a shorter grace period that comes meanwhile starts over with that. */
  const stopWithin = (graceSeconds: number): Effect.Effect<void> =>
    Effect.raceFirst(stop(graceSeconds), Effect.flatMap(Queue.take(graces), stopWithin))

  const finalDelete = deletion.delete(KubeletPods, referenceOf(metadata), { uid, gracePeriodSeconds: 0 }).pipe(
    Effect.retry({ schedule: untilWritten, while: isTransient }),
    Effect.catch(() => Effect.void)
  )

  const live: Effect.Effect<void, never, Scope.Scope> = Effect.gen(function* () {
    yield* Effect.addFinalizer(() => Effect.promise(() => rm(root, { recursive: true, force: true })))
    yield* Effect.forkScoped(logLines)
    yield* Effect.forkScoped(keepStatus)
    yield* Effect.forkScoped(runContainers)
    yield* stopWithin(yield* Queue.take(graces))
  })

  const worker: PodWorker = {
    pod,
    address,
    root,
    pids: () =>
      new Map(
        [...runners].flatMap(([name, { pid }]) => {
          const id = pid()
          return id === undefined ? [] : [[name, id] as const]
        })
      ),
    run: Effect.andThen(Effect.scoped(live), finalDelete).pipe(
      Effect.ensuring(Effect.sync(() => logs.forget({ namespace, pod: metadata.name })))
    ),
    beginDeletion: (graceSeconds) => void Queue.offerUnsafe(graces, graceSeconds)
  }
  return worker
})
