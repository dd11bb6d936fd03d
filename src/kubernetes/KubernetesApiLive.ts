import { Context, Duration, Effect, Layer, Result, Schema, Stream } from "effect"
import { type ConfigurationError, isWrite, type KubernetesCall, type KubernetesError, TimeoutError } from "../Errors.ts"
import { apiVersionOf, type ResourceKind } from "../fission/ResourceKind.ts"
import type { LoadKubeConfig } from "./Credentials.ts"
import {
  type CallOptions,
  isObject,
  KubernetesApi,
  KubernetesDeletion,
  type KubernetesObject,
  type ListOptions,
  type ListPage,
  type ObjectReference,
  type WatchEvent,
  type WatchOptions
} from "./KubernetesApi.ts"
import * as Transport from "./Transport.ts"
import { pullEvents } from "./WatchLines.ts"

const patchTypes = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json"
}

/** Both doors to the API server that the configuration names. Fails only if the configuration cannot be used. */
export const layer = (
  source: LoadKubeConfig,
  userAgent: string
): Layer.Layer<KubernetesApi | KubernetesDeletion, ConfigurationError> =>
  Layer.effectContext(
    Effect.map(Transport.make(source, userAgent), (transport) =>
      Context.make(KubernetesApi, makeApi(transport)).pipe(Context.add(KubernetesDeletion, makeDeletion(transport)))
    )
  )

const pathOf = (
  kind: ResourceKind,
  namespace: string | null | undefined,
  name?: string,
  subresource?: string
): string => {
  const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`
  const scope = kind.namespaced && (namespace ?? "") !== "" ? `/namespaces/${encodeURIComponent(namespace ?? "")}` : ""
  const object = name === undefined ? "" : `/${encodeURIComponent(name)}`
  return `${root}${scope}/${kind.plural}${object}${subresource === undefined ? "" : `/${subresource}`}`
}

const callOf = (
  verb: KubernetesCall["verb"],
  kind: ResourceKind,
  where: { readonly namespace?: string | null | undefined; readonly name?: string },
  subresource?: string
): KubernetesCall => ({
  verb,
  resource: subresource === undefined ? kind.plural : `${kind.plural}/${subresource}`,
  namespace: where.namespace ?? undefined,
  name: where.name
})

const acceptOf = (kind: ResourceKind, list: boolean): string =>
  kind.metadataOnly
    ? `application/json;as=PartialObjectMetadata${list ? "List" : ""};g=meta.k8s.io;v=v1`
    : "application/json"

const notAnObject = (call: KubernetesCall): TimeoutError =>
  new TimeoutError({
    ...call,
    kind: "Unavailable",
    detail: "the answer is no Kubernetes object; is this an API server?",
    outcomeUnknown: isWrite(call)
  })

const makeApi = (transport: Transport.Transport): KubernetesApi["Service"] => {
  const object = (
    what: Omit<Transport.TransportRequest, "accept">,
    kind: ResourceKind,
    options: CallOptions | undefined
  ): Effect.Effect<KubernetesObject, KubernetesError> => {
    return Effect.flatMap(transport.call({ ...what, accept: acceptOf(kind, false) }, options), ({ json }) =>
      isObject(json) ? Effect.succeed(json) : Effect.fail(notAnObject(what.call))
    )
  }

  const list = Effect.fnUntraced(function* (kind: ResourceKind, options: ListOptions) {
    const call = callOf("list", kind, options)
    const { json, bytes } = yield* transport.call(
      {
        call,
        method: "GET",
        path: pathOf(kind, options.namespace),
        query: {
          labelSelector: options.labelSelector,
          fieldSelector: options.fieldSelector,
          limit: options.limit?.toString(),
          continue: options.continue,
          resourceVersion: options.resourceVersion,
          resourceVersionMatch: options.resourceVersionMatch
        },
        accept: acceptOf(kind, true)
      },
      options
    )
    // An empty list of metadata comes with `null`.
    const items = isObject(json) ? (json["items"] ?? []) : undefined
    if (!isObject(json) || !Array.isArray(items)) return yield* notAnObject(call)
    const token = "continue" in json.metadata ? json.metadata.continue : undefined
    const page: ListPage = {
      resourceVersion: json.metadata.resourceVersion ?? "",
      continue: typeof token === "string" && token !== "" ? token : undefined,
      items: items.filter(isObject).map((item) => ({ apiVersion: apiVersionOf(kind), kind: kind.kind, ...item })),
      bytes
    }
    return page
  })

  const watch = (kind: ResourceKind, options: WatchOptions): Stream.Stream<WatchEvent, KubernetesError> => {
    const call = callOf("watch", kind, options)
    return Stream.unwrap(
      Effect.map(
        transport.open(
          {
            call,
            method: "GET",
            path: pathOf(kind, options.namespace),
            query: {
              watch: "true",
              allowWatchBookmarks: "true",
              resourceVersion: options.resourceVersion,
              timeoutSeconds: String(Math.ceil(Duration.toSeconds(Duration.fromInputUnsafe(options.timeout)))),
              labelSelector: options.labelSelector,
              fieldSelector: options.fieldSelector
            },
            accept: acceptOf(kind, false)
          },
          Duration.fromInputUnsafe(options.silence)
        ),
        ({ chunks }) => Stream.fromPull(Effect.as(options.opened ?? Effect.void, pullEvents(call, chunks)))
      )
    )
  }

  return {
    get: (kind, reference, options) =>
      object(
        {
          call: callOf("get", kind, reference),
          method: "GET",
          path: pathOf(kind, reference.namespace, reference.name),
          query: {}
        },
        kind,
        options
      ),
    list,
    watch,
    create: (kind, created, options) =>
      object(
        {
          call: callOf("create", kind, created.metadata),
          method: "POST",
          path: pathOf(kind, created.metadata.namespace),
          query: {},
          body: { apiVersion: apiVersionOf(kind), kind: kind.kind, ...created }
        },
        kind,
        options
      ),
    update: (kind, updated, options) =>
      object(
        {
          call: callOf("update", kind, updated.metadata, options?.subresource),
          method: "PUT",
          path: pathOf(kind, updated.metadata.namespace, updated.metadata.name, options?.subresource),
          query: {},
          body: { apiVersion: apiVersionOf(kind), kind: kind.kind, ...updated }
        },
        kind,
        options
      ),
    patch: (kind, reference, patch, options) =>
      object(
        {
          call: callOf("patch", kind, reference, patch.subresource),
          method: "PATCH",
          path: pathOf(kind, reference.namespace, reference.name, patch.subresource),
          query: {},
          contentType: patchTypes[patch.type],
          body: patch.body,
          withoutLease: options?.withoutLease === true
        },
        kind,
        options
      ),
    serverVersion: Effect.flatMap(
      transport.call(
        { call: versionCall, method: "GET", path: "/version", query: {}, accept: "application/json" },
        undefined
      ),
      ({ json }) =>
        Result.match(decodeVersion(json), {
          onSuccess: ({ major, minor }) =>
            Effect.succeed({ major: Number.parseInt(major, 10), minor: Number.parseInt(minor, 10) }),
          onFailure: () => Effect.fail(notAnObject(versionCall))
        })
    )
  }
}

const versionCall: KubernetesCall = { verb: "get", resource: "version" }

/** Distributions write a plus behind the numbers; parsing them leaves it out. */
const decodeVersion = Schema.decodeUnknownResult(Schema.Struct({ major: Schema.String, minor: Schema.String }))

const makeDeletion = (transport: Transport.Transport): KubernetesDeletion["Service"] => ({
  delete: (kind: ResourceKind, reference: ObjectReference, options) =>
    Effect.asVoid(
      transport.call(
        {
          call: callOf("delete", kind, reference),
          method: "DELETE",
          path: pathOf(kind, reference.namespace, reference.name),
          query: {},
          accept: "application/json",
          body: {
            apiVersion: "v1",
            kind: "DeleteOptions",
            preconditions: { uid: options.uid, resourceVersion: options.resourceVersion },
            propagationPolicy: options.propagationPolicy,
            gracePeriodSeconds: options.gracePeriodSeconds
          }
        },
        options
      )
    )
})
