import { Data } from "effect"

/** Namespaces that must fail before the server is suspected; all of them where there are fewer. */
const suspiciousNamespaces = 3
/** How long a read that succeeds says that the namespaces which fail have troubles of their own (milliseconds). */
const clearedFor = 60_000

/**
 * Whether the API server answers (failure-semantics.md section 3, ApiServerHealth). Times are monotonic milliseconds.
 *
 * - `Answering`: nothing says that it does not; until `clearedUntil` failing namespaces are no sign
 * - `Suspected`: so many namespaces fail that one read of the process has to tell whether it is the server
 * - `Away`: that read failed too; one read a second asks for the whole process
 */
export type ServerState = Data.TaggedEnum<{
  Answering: { readonly clearedUntil: number }
  Suspected: { readonly since: number }
  Away: { readonly since: number }
}>
export const ServerState = Data.taggedEnum<ServerState>()

/** What was learned. */
export type Sign = Data.TaggedEnum<{
  /** How many of how many namespaces fail at the moment. */
  Namespaces: { readonly failing: number; readonly of: number }
  /** What came of a read that asks about the server, or of any call that succeeds meanwhile. */
  Read: { readonly answered: boolean }
}>
export const Sign = Data.taggedEnum<Sign>()

/** The server as it is taken to be at the start. */
export const answering: ServerState = ServerState.Answering({ clearedUntil: 0 })

/** The next state. Pure. Asking before believing keeps three broken namespaces from stopping all others. */
export const step = (state: ServerState, sign: Sign, now: number): ServerState => {
  switch (state._tag) {
    case "Answering":
      if (sign._tag === "Read" || now < state.clearedUntil || !isSuspicious(sign)) return state
      return ServerState.Suspected({ since: now })
    case "Suspected":
      if (sign._tag === "Namespaces") return isSuspicious(sign) ? state : answering
      return sign.answered
        ? ServerState.Answering({ clearedUntil: now + clearedFor })
        : ServerState.Away({ since: state.since })
    case "Away":
      return sign._tag === "Read" && sign.answered ? answering : state
  }
}

const isSuspicious = (sign: Extract<Sign, { _tag: "Namespaces" }>): boolean =>
  sign.failing > 0 && sign.failing >= Math.min(suspiciousNamespaces, sign.of)
