import { chmod, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { channelKey } from "../../fission/RequestSignature.ts"
import {
  archiveBytes,
  archiveOf,
  download,
  isInImage,
  isStored,
  type SignDownload,
  store,
  storeImage,
  storePath
} from "./archive.ts"
import { type Cluster, withRetries } from "./cluster.ts"
import { textAt } from "./json.ts"
import { loadFunction } from "./loadCall.ts"
import { writeMounts } from "./mounts.ts"
import { log, messageOf } from "./podProcess.ts"
import { refuse } from "./refusal.ts"
import type { FetchRequest, LoadRequest, SpecializeRequest } from "./specializeRequest.ts"

/** The directories of the pod, on the host. */
export interface PodDirectories {
  readonly shared: string
  readonly secrets: string
  readonly configs: string
}

/** What specializing needs besides the request. */
export interface FetcherOptions {
  readonly directories: PodDirectories
  readonly cluster: Cluster
  readonly signDownload: SignDownload
  /** The OCI image layout that stands for every registry; undefined where there is none. */
  readonly imageLayout: string | undefined
  /** The internal auth secret; undefined when authentication is off. */
  readonly masterSecret: string | undefined
}

/**
 * The two things that a fetcher does (function-pod-protocol.md section 5). One call at a time; the others wait (P02).
 * They reject with a `Refusal`, undo nothing, and may be repeated; aborting the signal stops them.
 */
export interface Fetcher {
  /** Code and files. */
  readonly fetch: (request: FetchRequest, signal: AbortSignal) => Promise<void>
  /** Code, files, state token, and the load call to the runtime. */
  readonly specialize: (request: SpecializeRequest, signal: AbortSignal) => Promise<void>
}

/** Makes a fetcher for one pod. */
export const makeFetcher = (options: FetcherOptions): Fetcher => {
  const { cluster, directories, signDownload } = options
  const oneAtATime = makeQueue()

  const fetchCode = async (request: FetchRequest, signal: AbortSignal): Promise<void> => {
    const pkg = request.fetchType === 2 ? {} : await getPackage(cluster, request, signal)
    const path = storePath(directories.shared, request.filename)
    if (await isStored(path)) return
    if (![0, 1, 2].includes(request.fetchType)) {
      throw refuse("archive", 400, `unknown fetch type ${request.fetchType}`)
    }
    if (request.fetchType === 2) {
      return store(await download(request.url, signDownload, signal), path, request.keepArchive)
    }
    const archive = archiveOf(pkg, request.fetchType)
    if (isInImage(archive)) return storeImage(archive, options.imageLayout, path)
    await store(await archiveBytes(archive, signDownload, signal), path, request.keepArchive)
  }

  const fetch = async (request: FetchRequest, signal: AbortSignal): Promise<void> => {
    await fetchCode(request, signal)
    await writeMounts(
      {
        name: "secret",
        directory: directories.secrets,
        get: (namespace, name) => cluster.getSecret(namespace, name, signal)
      },
      request.secrets
    )
    await writeMounts(
      {
        name: "configmap",
        directory: directories.configs,
        get: (namespace, name) => cluster.getConfigMap(namespace, name, signal)
      },
      request.configMaps
    )
  }

  const specialize = async ({ fetch: code, load }: SpecializeRequest, signal: AbortSignal): Promise<void> => {
    await fetch(code, signal)
    if (load.stateKeyspace !== "") await writeStateToken(directories.shared, load, options.masterSecret)
    await loadFunction(load, signal)
  }

  return {
    fetch: (request, signal) => oneAtATime(() => fetch(request, signal), signal),
    specialize: (request, signal) => oneAtATime(() => specialize(request, signal), signal)
  }
}

/** Runs one task after the other; one whose caller has left by its turn is not begun. */
const makeQueue = () => {
  let last: Promise<void> = Promise.resolve()
  return (task: () => Promise<void>, signal: AbortSignal): Promise<void> => {
    const run = last.then(() => {
      signal.throwIfAborted()
      return task()
    })
    last = run.catch(() => {})
    return run
  }
}

const getPackage = async (cluster: Cluster, request: FetchRequest, signal: AbortSignal) => {
  const { name, namespace, resourceVersion } = request.package
  const pkg = await withRetries(() => cluster.getPackage(namespace, name, signal), signal).catch((cause: unknown) => {
    throw refuse("package", 500, messageOf(cause))
  })
  const version = textAt(pkg, "metadata", "resourceVersion")
  if (version !== resourceVersion) {
    log(`package ${namespace}/${name} has version ${version}, the request names ${resourceVersion}`)
  }
  return pkg
}

/** Replaces the state token (function-pod-protocol.md section 9). */
const writeStateToken = async (directory: string, load: LoadRequest, master: string | undefined): Promise<void> => {
  try {
    const { functionNamespace: namespace, stateKeyspace: keyspace } = load
    if (namespace === undefined) throw new Error("the request names a keyspace but no function")
    const token =
      master === undefined
        ? "dev-unauthenticated"
        : channelKey(master, `stateapi:${namespace}:${keyspace}`).export().toString("hex")
    const path = join(directory, ".fission-state-token")
    await rm(path, { force: true })
    await writeFile(path, JSON.stringify({ namespace, keyspace, token }))
    await chmod(path, 0o444)
  } catch (cause) {
    throw refuse("token", 500, messageOf(cause))
  }
}
