import { type ServedKind, storedKinds, subresourcesOf } from "./ServedKinds.ts"
import type * as Status from "./Status.ts"
import { apiVersionOf } from "./StoredObject.ts"

/** Documents that tell clients what is served. Undefined for any other path. */
export const discovery = (path: string): Status.Json | undefined => {
  const groups = [...new Set(storedKinds.map((kind) => kind.group))].filter((group) => group !== "")
  const groupOf = (name: string) => {
    const version = storedKinds.find((kind) => kind.group === name)?.version ?? ""
    const known = { groupVersion: `${name}/${version}`, version }
    return { name, versions: [known], preferredVersion: known }
  }
  const resources = (group: string): Status.Json => {
    const kinds = storedKinds.filter((kind) => kind.group === group)
    const version = kinds[0]?.version ?? ""
    return {
      kind: "APIResourceList",
      apiVersion: "v1",
      groupVersion: group === "" ? version : `${group}/${version}`,
      resources: kinds.flatMap((kind) => resourceEntries(kind))
    }
  }
  switch (path) {
    case "/version":
      return { major: "1", minor: "36", gitVersion: "v1.36.0-embedded", platform: "embedded" }
    case "/api":
      return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] }
    case "/apis":
      return { kind: "APIGroupList", apiVersion: "v1", groups: groups.map(groupOf) }
    case "/api/v1":
      return resources("")
  }
  if (path === "/openapi/v3") return openApiIndex
  const described = groupVersions.find((group) => path === `/openapi/v3/${group.root}`)
  if (described !== undefined) return openApiOf(described)
  const group = groups.find((name) => path === `/apis/${groupOf(name).preferredVersion.groupVersion}`)
  return group === undefined ? undefined : resources(group)
}

const resourceEntries = (kind: ServedKind): ReadonlyArray<Status.Json> => {
  const entry = (name: string, verbs: ReadonlyArray<string>) => ({
    name,
    singularName: name === kind.plural ? kind.kind.toLowerCase() : "",
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs,
    ...(name === kind.plural && kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {})
  })
  return [
    entry(kind.plural, ["create", "delete", "get", "list", "patch", "update", "watch"]),
    ...Object.entries(subresourcesOf(kind)).map(([part, verbs]) => ({
      ...entry(`${kind.plural}/${part}`, verbs),
      ...(part === "scale" ? scaleKind : {})
    }))
  ]
}

const scaleKind = { group: "autoscaling", version: "v1", kind: "Scale" }

/** The group versions with the roots of their paths. */
const groupVersions = [...new Set(storedKinds.map(apiVersionOf))].map((apiVersion) => ({
  root: apiVersion.includes("/") ? `apis/${apiVersion}` : `api/${apiVersion}`,
  kinds: storedKinds.filter((kind) => apiVersionOf(kind) === apiVersion)
}))

const openApiIndex: Status.Json = {
  paths: Object.fromEntries(groupVersions.map(({ root }) => [root, { serverRelativeURL: `/openapi/v3/${root}` }]))
}

/** Says no more than that this server validates objects itself, which is what kubectl asks before it applies one. */
const openApiOf = ({ kinds, root }: (typeof groupVersions)[number]): Status.Json => ({
  openapi: "3.0.0",
  info: { title: "Kubernetes", version: "v1.36.0" },
  paths: Object.fromEntries(
    kinds.map(({ group, kind, namespaced, plural, version }) => [
      `/${root}/${namespaced ? "namespaces/{namespace}/" : ""}${plural}/{name}`,
      {
        patch: {
          parameters: [{ name: "fieldValidation", in: "query", schema: { type: "string" } }],
          "x-kubernetes-group-version-kind": { group, version, kind },
          responses: {}
        }
      }
    ])
  )
})
