import type { RawRequest } from "../Servers.ts"

/** What is asked for, and what a server says to it: the status of the answer and a part of its message. */
export type Refusal = readonly [title: string, request: RawRequest, status: number, message: string]

const group = (version: string) => `/apis/${version}/namespaces/refusals`

/** Paths in the namespace that the requests are about; each of these kinds has an object `here`. */
export const core = "/api/v1/namespaces/refusals"
export const configMaps = `${core}/configmaps`
export const pods = `${core}/pods`
export const deployments = `${group("apps/v1")}/deployments`
export const leases = `${group("coordination.k8s.io/v1")}/leases`
export const environments = `${group("fission.io/v1")}/environments`

/** Creates. */
export const post = (path: string, body: unknown): RawRequest => ({ method: "POST", path, body })

/** Replaces. */
export const put = (path: string, body: unknown): RawRequest => ({ method: "PUT", path, body })

/** Deletes, with options. */
export const remove = (path: string, body?: unknown): RawRequest => ({ method: "DELETE", path, body })

/** Changes by merge patch. */
export const merge = (path: string, body: unknown): RawRequest => ({
  method: "PATCH",
  path,
  body,
  contentType: "application/merge-patch+json"
})

/** A new ConfigMap with these metadata. */
export const metadata = (fields: object): RawRequest => post(configMaps, { metadata: { name: "new", ...fields } })

/** An Environment that says so. */
export const custom = (fields: object) => ({ apiVersion: "fission.io/v1", kind: "Environment", ...fields })

/** How the rule of names begins. */
export const namePart = "name part must consist of alphanumeric characters, '-', '_' or '.'"
