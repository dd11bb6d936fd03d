import { assert, describe, layer } from "@effect/vitest"
import axe from "axe-core"
import { Effect } from "effect"
import type { BrowserContextOptions, Page } from "playwright-core"
import { SpecializeError } from "../../../src/specialization/PodRequests.ts"
import { Browser, executable } from "../../fakes/Browser.ts"
import * as Scenes from "./Scenes.ts"

if (executable === undefined) {
  const wanted = "set CHROMIUM, or install Debian's chromium"
  process.stderr.write(`no Chromium (${wanted}): the operator's page is not tested in a browser\n`)
}

/** Looks at the operator's page of a scene until its first answers are shown. */
const lookAt = Effect.fnUntraced(function* (scene: Scenes.Scene, options: BrowserContextOptions = {}, query = "") {
  const opened = yield* Browser.use(({ open }) => open(`${scene.url}${query}`, options))
  yield* Effect.promise(() => opened.page.locator("#functions [data-row]").first().waitFor())
  return opened
})

/** A row of a section by its beginning. */
const row = (page: Page, section: string, name: string) =>
  page.locator(`#${section} tbody tr`).filter({ has: page.getByRole("rowheader", { name }) })

const names = (page: Page, section: string) => page.locator(`#${section} tbody th`).allInnerTexts()

/** What axe finds wrong, one line a rule. */
const violations = async (page: Page): Promise<ReadonlyArray<string>> => {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<axe.AxeResults>("axe.run()")
  return violations.map(({ help, nodes }) => `${help}: ${nodes.map(({ html }) => html).join(" ")}`)
}

/** Lets the page look again. */
const later = (page: Page) => Promise.all([page.waitForResponse(/debug\/functions/u), page.clock.fastForward(4000)])

const overflow = (page: Page) => page.evaluate<number>("document.documentElement.scrollWidth - innerWidth")

describe.skipIf(executable === undefined)("the operator's page", () => {
  layer(Browser.layer, { excludeTestServices: true })((it) => {
    it.effect("shows health, pools, pods, slots, the last cold start by phase, and decisions", () =>
      Effect.gen(function* () {
        const scene = yield* Scenes.busy
        const { page, problems } = yield* lookAt(scene)
        yield* Effect.promise(async () => {
          assert.match(await row(page, "namespaces", "shop").innerText(), /Healthy\s+\d+ s\s+\d+ s/u)
          assert.match(await row(page, "pools", "shop/nodejs").innerText(), /Full\s+5 of 3\s+1\s+0\s+0\s+3\s+0\s+0$/u)
          const cart = await row(page, "functions", "shop/cart").innerText()
          for (const shown of [
            /Busy/u,
            /2 of 5/u,
            /\d ms at \d\d:\d\d:\d\d/u,
            /choose pod \d/u,
            /fetch specialize \d/u
          ]) {
            assert.match(cart, shown)
          }
          assert.include(await page.locator("#decisions tbody").innerText(), "Created Deployment")
          assert.deepStrictEqual(problems, [])
        })
      })
    )

    it.effect("puts trouble first, and says what it is", () =>
      Effect.gen(function* () {
        const { page } = yield* lookAt(yield* Scenes.troubled)
        yield* Effect.promise(async () => {
          assert.match((await names(page, "functions"))[0] ?? "", /^shop\/receipts/u)
          assert.include(await row(page, "functions", "receipts").innerText(), "SyntaxError: Unexpected token '}'")
          assert.match((await names(page, "pools"))[0] ?? "", /^search\/rust/u)
          assert.include(await row(page, "pools", "rust").innerText(), "ImagePullBackOff")
          assert.include(await page.locator("#tiles").innerText(), "1 failing")
        })
      })
    )

    it.effect("shows a hostile function name and a hostile answer of its pod as text", () =>
      Effect.gen(function* () {
        const name = `<img src=x onerror="document.title='taken'">`
        const scene = yield* Scenes.open((world) => {
          const environment = world.environment({ name: "nodejs", namespace: "shop" })
          world.warmPod(environment, "warm-1", "10.0.0.1")
          world.warmPod(environment, "warm-2", "10.0.0.2")
        })
        const text = `</script><script>document.title = 'taken'</script>`
        scene.world.answer(() => Effect.fail(new SpecializeError({ reason: "Answered", status: 500, text })))
        yield* scene.ask(scene.world.fn({ name, namespace: "shop" }))
        const { page, problems } = yield* lookAt(scene)
        yield* Effect.promise(async () => {
          await page.getByText("Failing", { exact: true }).waitFor()
          const shown = await page.locator("#functions tbody").innerText()
          assert.include(shown, name)
          assert.include(shown, text)
          assert.strictEqual(await page.locator("img, main script").count(), 0)
          assert.strictEqual(await page.title(), "Fission executor")
          assert.deepStrictEqual(problems, [])
        })
      })
    )

    it.effect.each([
      ["light", 1280],
      ["dark", 1280],
      ["light", 360],
      ["dark", 360]
    ] as const)("has nothing that axe objects to, and fits: %s, %d pixels wide", ([colorScheme, width]) =>
      Effect.gen(function* () {
        const scene = yield* Scenes.troubled
        const { page } = yield* lookAt(scene, { colorScheme, viewport: { width, height: 800 } })
        yield* Effect.promise(async () => {
          await page.locator("[data-opens]").first().click()
          await page.locator(".pods").first().waitFor()
          assert.deepStrictEqual(await violations(page), [])
          assert.strictEqual(await overflow(page), 0)
        })
      })
    )

    it.effect("says that the executor does not answer and how old what it shows is, until it answers again", () =>
      Effect.gen(function* () {
        const { page } = yield* lookAt(yield* Scenes.busy)
        yield* Effect.promise(async () => {
          await page.context().setOffline(true)
          await page.clock.fastForward(4000)
          await page.getByText(/^No answer · shown as of \d\d:\d\d:\d\d, \d+ s ago$/u).waitFor()
          assert.include(await page.getByRole("status").innerText(), "The executor does not answer")
          assert.isAbove(await page.locator("#functions tbody tr").count(), 5)
          await page.context().setOffline(false)
          await page.clock.fastForward(10_000)
          await page.getByText(/^Live · /u).waitFor()
          assert.include(await page.getByRole("status").innerText(), "The executor answers again")
        })
      })
    )

    it.effect("says aloud what changed, once", () =>
      Effect.gen(function* () {
        const scene = yield* Scenes.busy
        const { page } = yield* lookAt(scene)
        const text = "no such file"
        scene.world.answer(() => Effect.fail(new SpecializeError({ reason: "Answered", status: 500, text })))
        assert.strictEqual(yield* Effect.promise(() => page.getByRole("status").innerText()), "")
        yield* scene.ask(scene.world.fn({ name: "broken", namespace: "shop" }))
        yield* Effect.promise(() => later(page))
        yield* Effect.promise(() => page.getByRole("status").getByText("1 function failing.").waitFor())
      })
    )

    it.effect("opens the pods of a function by keyboard, and keeps the focus while it renews itself", () =>
      Effect.gen(function* () {
        const { page } = yield* lookAt(yield* Scenes.busy)
        yield* Effect.promise(async () => {
          const toggle = row(page, "functions", "cart").getByRole("button", { name: "pods of cart" })
          await toggle.focus()
          await page.keyboard.press("Enter")
          await row(page, "functions", "cart").getByText("10.4.0.").waitFor()
          await later(page)
          await later(page)
          assert.strictEqual(await toggle.getAttribute("aria-expanded"), "true")
          assert.strictEqual(await page.evaluate("document.activeElement.dataset.key"), "pods shop/cart")
        })
      })
    )

    it.effect(
      "shows ten thousand functions twenty at a time, and finds one",
      () =>
        Effect.gen(function* () {
          const scene = yield* Scenes.open((world) => {
            for (let index = 0; index < 10_000; index++) {
              world.fn({ name: `fn-${String(index).padStart(5, "0")}`, namespace: "shop" })
            }
          })
          const { page } = yield* lookAt(scene)
          yield* Effect.promise(async () => {
            await page.getByText("1–20 of 10,000").waitFor()
            assert.strictEqual((await names(page, "functions")).length, 20)
            await page.getByRole("button", { name: "Next, Functions" }).click()
            await page.getByText("21–40 of 10,000").waitFor()
            assert.match((await names(page, "functions"))[0] ?? "", /^shop\/fn-00020/u)
            await page.getByLabel("Filter").fill("fn-07777")
            await row(page, "functions", "fn-07777").waitFor()
            assert.strictEqual((await names(page, "functions")).length, 1)
            assert.match(page.url(), /\?search=fn-07777$/u)
          })
        }),
      120_000
    )

    it.effect("takes what to search for from its address, and says when nothing matches", () =>
      Effect.gen(function* () {
        const { page } = yield* lookAt(yield* Scenes.busy, {}, "?search=nobody")
        yield* Effect.promise(async () => {
          assert.strictEqual(await page.getByLabel("Filter").inputValue(), "nobody")
          await page.locator("#functions").getByText("Nothing matches “nobody”.").waitFor()
        })
      })
    )

    it.effect("asks nobody but the executor, and nothing while it is paused", () =>
      Effect.gen(function* () {
        const scene = yield* Scenes.open()
        const { page } = yield* Browser.use(({ open }) => open("about:blank"))
        yield* Effect.promise(async () => {
          const asked: Array<string> = []
          page.on("request", (request) => asked.push(request.url()))
          await page.goto(scene.url)
          await page.getByText("No Function yet.").waitFor()
          await later(page)
          assert.deepStrictEqual(
            asked.filter((url) => !url.startsWith(scene.url) && !url.startsWith("data:")),
            []
          )
          await page.getByRole("button", { name: "Pause" }).click()
          const before = asked.length
          await page.clock.runFor(60_000)
          assert.include(await page.locator("#freshness").innerText(), "Paused")
          assert.strictEqual(asked.length, before)
        })
      })
    )
  })
})
