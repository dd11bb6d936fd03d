import { existsSync } from "node:fs"
import { Context, Effect, Layer } from "effect"
import { type BrowserContextOptions, chromium, type Browser as Launched, type Page } from "playwright-core"

/** Where a Chromium is: `CHROMIUM`, else where Debian and others put it. Undefined: there is none, and nothing is tested in it. */
export const executable: string | undefined = [
  process.env["CHROMIUM"] ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome"
].find((path) => path !== "" && existsSync(path))

/** A page that someone looks at, and what went wrong in it. */
export interface OpenPage {
  readonly page: Page
  /** Errors of scripts and of the console, violations of the policy among them. */
  readonly problems: ReadonlyArray<string>
}

/** A real browser without a window. */
export class Browser extends Context.Service<
  Browser,
  {
    /** Opens an address in a profile of its own. Its time goes on as ours, and can be moved forward by `page.clock`. */
    readonly open: (url: string, options?: BrowserContextOptions) => Effect.Effect<OpenPage>
  }
>()("test/fakes/Browser") {
  static readonly layer: Layer.Layer<Browser> = Layer.effect(
    Browser,
    Effect.gen(function* () {
      const launched: Launched = yield* Effect.acquireRelease(
        Effect.promise(() =>
          chromium.launch({ executablePath: executable ?? "chromium", args: ["--no-sandbox", "--disable-gpu"] })
        ),
        (browser) => Effect.promise(() => browser.close())
      )
      return Browser.of({
        open: (url, options) =>
          Effect.promise(async () => {
            const context = await launched.newContext({ viewport: { width: 1280, height: 900 }, ...options })
            const page = await context.newPage()
            const problems: Array<string> = []
            page.on("pageerror", (error) => problems.push(error.message))
            page.on("console", (message) => {
              if (message.type() === "error") problems.push(message.text())
            })
            await page.clock.install()
            await page.goto(url)
            return { page, problems }
          })
      })
    })
  )
}
