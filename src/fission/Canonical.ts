import { hash } from "node:crypto"

/** The first sixteen hex digits of the SHA-256 of a text. */
export const hash16 = (text: string): string => hash("sha256", text, "hex").slice(0, 16)

/** Sorted keys; absent, null and empty are all left out, so that they are alike. An explicit false is none of these. */
export const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value)
    .map(([key, field]) => [key, canonical(field)] as const)
    .filter(([, field]) => !isEmpty(field))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries)
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  (typeof value === "object" && Object.keys(value).length === 0)
