import { type ChannelKey, channelKey, keyFromText, signedHeaders } from "../../fission/RequestSignature.ts"
import type { SignDownload } from "./archive.ts"

/** The environment variables that hold keys (function-pod-protocol.md section 2.1). */
type Variables = { readonly [name: string]: string | undefined }

/** The keys of a fetcher (function-pod-protocol.md section 8.4). */
export interface FetcherKeys {
  /** The internal auth secret; undefined when there is none. */
  readonly masterSecret: string | undefined
  /** Keys that a request may be signed with, the current one first; empty when authentication is off. */
  readonly accepted: ReadonlyArray<ChannelKey>
  readonly signDownload: SignDownload
}

/** The first variable that is set but blank where that is a mistake, or undefined. */
export const blankSecret = (variables: Variables): string | undefined =>
  ["FISSION_INTERNAL_AUTH_SECRET", "FISSION_INTERNAL_AUTH_SECRET_OLD"].find((name) => variables[name]?.trim() === "")

/** The keys that the variables give; a key of its own goes before the one derived from the secret. */
export const fetcherKeys = (variables: Variables, podNamespace: string): FetcherKeys => {
  const text = (variable: string) => variables[variable] ?? ""
  const given = (variable: string) => (text(variable) === "" ? undefined : keyFromText(text(variable)))
  const derived = (variable: string, channel: string) =>
    text(variable) === "" ? undefined : channelKey(text(variable), channel)

  const own = given("FISSION_FETCHER_KEY")
  const accepted =
    own === undefined
      ? [derived("FISSION_INTERNAL_AUTH_SECRET", "fetcher"), derived("FISSION_INTERNAL_AUTH_SECRET_OLD", "fetcher")]
      : [own, given("FISSION_FETCHER_KEY_OLD")]
  const ownStorageKey = given("FISSION_STORAGE_KEY")
  const storageKey = ownStorageKey ?? derived("FISSION_INTERNAL_AUTH_SECRET", "storagesvc")
  const ofNamespace: { readonly [name: string]: string } =
    ownStorageKey === undefined ? {} : { "x-fission-auth-namespace": podNamespace }

  return {
    masterSecret: variables["FISSION_INTERNAL_AUTH_SECRET"],
    accepted: accepted.filter((key) => key !== undefined),
    signDownload: (url) => {
      if (storageKey === undefined || !url.pathname.startsWith("/v1/archive")) return {}
      const target = `${url.pathname}${url.search}`
      return { ...signedHeaders(storageKey, { method: "GET", target, body: "" }, unixSeconds()), ...ofNamespace }
    }
  }
}

/** Wall time in seconds, as signatures carry it. */
export const unixSeconds = (): number => Math.floor(Date.now() / 1000)
