import { mkdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Logger } from "effect"
import type { BrowserContextOptions } from "playwright-core"
import { Browser } from "../../fakes/Browser.ts"
import * as Scenes from "./Scenes.ts"

/* Takes the pictures of the operator's page in docs/images: `npm run screenshots` (needs Chromium). */

const folder = fileURLToPath(new URL("../../../docs/images", import.meta.url))

const desktop: BrowserContextOptions = { viewport: { width: 1120, height: 860 } }
const phone: BrowserContextOptions = { viewport: { width: 360, height: 780 }, isMobile: true }

const shot = Effect.fnUntraced(function* (scene: Scenes.Scene, name: string, options: BrowserContextOptions) {
  const { page } = yield* Browser.use(({ open }) => open(scene.url, options))
  yield* Effect.promise(async () => {
    await page.locator("#namespaces [data-row]").first().waitFor()
    const toggle = page.locator("[data-opens]").first()
    if (name.startsWith("page-light")) await toggle.click()
    await page.locator("svg.line").waitFor()
    if (name.includes("trouble") || name.includes("phone")) {
      await page.locator("#namespaces .state.warn, #namespaces .state.bad").first().waitFor({ timeout: 60_000 })
    }
    if (name.includes("lost")) {
      await page.context().setOffline(true)
      await page.locator(".lost").waitFor()
    }
    await page.screenshot({ path: `${folder}/${name}.png` })
  })
})

const all = Effect.gen(function* () {
  mkdirSync(folder, { recursive: true })
  const busy = yield* Scenes.busy
  const troubled = yield* Scenes.troubled
  const empty = yield* Scenes.open()
  yield* Effect.all(
    [
      shot(busy, "page-light", { ...desktop, colorScheme: "light" }),
      shot(troubled, "page-dark-trouble", { ...desktop, colorScheme: "dark" }),
      shot(troubled, "page-phone", { ...phone, colorScheme: "light" }),
      shot(empty, "page-empty", { ...desktop, colorScheme: "light" }),
      shot(troubled, "page-phone-dark-lost", { ...phone, colorScheme: "dark" })
    ],
    { concurrency: 2 }
  )
})

Effect.scoped(all).pipe(Effect.provide(Browser.layer), Effect.provide(Logger.layer([])), NodeRuntime.runMain)
