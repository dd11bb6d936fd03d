import { isUnset, type Json, listOf } from "./Json.ts"

/** Where a service account's token is mounted; of a function pod's containers the fetcher alone has one (W37). */
export const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount"

/** The volume with the fetcher's token. */
export const tokenVolume = "fission-fetcher-sa-token"

/** What is taken of a container laid over ours, and the paths of what is not, from the container's root. */
export interface Overlay {
  readonly container: Json
  readonly ignored: ReadonlyArray<string>
}

/** The container without mounts of the fetcher's token, or in the place of a token. */
export const withoutTokenMounts = (container: Json): Overlay => {
  const mounts = listOf(container["volumeMounts"])
  const dropped = mounts.filter(isOfToken)
  if (dropped.length === 0) return { container, ignored: [] }
  return {
    container: { ...container, volumeMounts: mounts.filter((mount) => !isOfToken(mount)) },
    ignored: dropped.map(({ mountPath }) => `volumeMounts[${String(mountPath)}]`)
  }
}

const isOfToken = ({ mountPath, name }: Json): boolean => name === tokenVolume || mountPath === tokenPath

/**
 * What is taken of a user's `fetcher` container (W37): resources, variables that are none of Fission's, and mounts away
 * from the token. The sidecar's image and command are ours.
 */
export const fetcherOverlay = (theirs: Json): Overlay => {
  const { container, ignored } = withoutTokenMounts(theirs)
  const { env, name, resources, volumeMounts, ...others } = container
  const variables = listOf(env)
  const isOurs = (variable: Json) => String(variable["name"]).startsWith("FISSION_")
  return {
    container: { name, resources, env: variables.filter((variable) => !isOurs(variable)), volumeMounts },
    ignored: [
      ...Object.keys(others).filter((field) => !isUnset(others[field])),
      ...variables.filter(isOurs).map((variable) => `env[${String(variable["name"])}]`),
      ...ignored
    ]
  }
}
