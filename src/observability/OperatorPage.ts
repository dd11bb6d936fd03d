import { hash } from "node:crypto"
import { readFileSync } from "node:fs"
import { Effect } from "effect"
import type { Page } from "./DebugPage.ts"

/**
 * The operator's page: one document that holds its style and its script, and asks for nothing but the debug pages beside
 * it. Only these two may run or apply: their hashes are in the policy. Undefined, and logged, where its files are missing.
 */
export const load: Effect.Effect<Page | undefined> = Effect.try({ try: compose, catch: String }).pipe(
  Effect.catch((problem) =>
    Effect.as(Effect.logWarning("the operator's page is not served; everything else works", problem), undefined)
  )
)

const linkOfStyle = `<link rel="stylesheet" href="page.css" />`
const linkOfScript = `<script type="module" src="page.js"></script>`

const styles = ["page.css", "tables.css", "narrow.css"]

/** Each after those that it imports from. */
const modules = ["words.js", "elements.js", "requestRates.js", "sections.js", "tables.js", "glance.js", "page.js"]

/** A policy by hash admits one script and nothing that it would import, so the modules are joined; no two share a name. */
const withoutModules = (source: string): string =>
  source.replaceAll(/^import \{[^}]*\} from "\.\/\w+\.js"\n/gmu, "").replaceAll(/^export (?=const )/gmu, "")

function compose(): Page {
  const style = styles.map(read).join("\n")
  const script = modules.map(read).map(withoutModules).join("\n")
  const body = read("page.html")
    .replace(linkOfStyle, () => `<style>${style}</style>`)
    .replace(linkOfScript, () => `<script type="module">${script}</script>`)
  return {
    status: 200,
    contentType: "text/html; charset=utf-8",
    headers: {
      "content-security-policy": [
        "default-src 'none'",
        `script-src '${digest(script)}'`,
        `style-src '${digest(style)}'`,
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'"
      ].join("; "),
      "referrer-policy": "no-referrer"
    },
    body
  }
}

const read = (name: string): string => readFileSync(new URL(`page/${name}`, import.meta.url), "utf8")

const digest = (content: string): string => `sha256-${hash("sha256", content, "base64")}`
