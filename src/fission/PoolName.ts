import type { Environment } from "./Environment.ts"

/**
 * Name of a pool's Deployment: `poolmgr-<environment>-<namespace>-<resourceVersion>`, both names cut to 18 characters
 * when together they have 37 or more (poolmgr.md section 4.6). That of a pool for one image has the first eight digits of
 * the image's hash before the version, and names cut to 13 from 28 on. Found again by label, never by this name.
 */
export const poolName = (environment: Environment, imageHash?: string): string => {
  const { name, namespace, resourceVersion } = environment.metadata
  const [long, most] = imageHash === undefined ? [37, 18] : [28, 13]
  const whole = name.length + (namespace ?? "").length < long
  const cut = (text: string) => (whole ? text : text.slice(0, most))
  const image = imageHash === undefined ? [] : [imageHash.slice(0, 8)]
  return ["poolmgr", cut(name), cut(namespace ?? ""), ...image, resourceVersion ?? ""].join("-").toLowerCase()
}
