import { readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readImage } from "../../src/devcluster/ImageLayout.ts"
import { type ImageGiven, type Packing, type TarFile, writeLayout } from "../fakes/OciLayout.ts"
import { temporaryDirectory } from "./pod/podFixture.ts"

const name = "registry.example.com/code/hello:v1"
const code: TarFile = { name: "app/hello.js", content: "hello" }

const own = process.arch === "x64" ? "amd64" : process.arch

/** What is read of the first image of a layout, or why it is not. */
const reading = (
  images: ReadonlyArray<ImageGiven>,
  options: {
    readonly reference?: (digest: string) => string
    readonly subPath?: string
    readonly spoil?: (layout: string) => Promise<void>
  } = {}
) =>
  Effect.flatMap(temporaryDirectory, (layout) =>
    Effect.promise(async () => {
      const [digest = ""] = await writeLayout(layout, images)
      await options.spoil?.(layout)
      return readImage(layout, options.reference?.(digest) ?? name, options.subPath ?? "").then(
        (entries) => Object.fromEntries(entries.map(({ content, name }) => [name, content.toString("utf8")])),
        (cause: unknown) => String(cause)
      )
    })
  )

const image = (...layers: ReadonlyArray<ReadonlyArray<TarFile>>): ImageGiven => ({ name, layers })

describe("an image of a layout on disk", () => {
  it.effect.each<Packing>(["tar", "tar+gzip", "tar+zstd"])("is read from layers packed as %s", (packing) =>
    Effect.gen(function* () {
      const files = yield* reading([{ ...image([{ name: "app/" }, code]), packing }])
      assert.deepStrictEqual(files, { "app/": "", "app/hello.js": "hello" })
    })
  )

  it.effect("is found by its digest, also beside a tag that has moved on", () =>
    Effect.gen(function* () {
      const reference = (digest: string) => `registry.example.com/other:v2@${digest}`
      assert.deepStrictEqual(yield* reading([image([code])], { reference }), { "app/hello.js": "hello" })
    })
  )

  it.effect("is the one for this machine's platform", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reading([{ ...image([code]), platform: `linux/${own}` }]), {
        "app/hello.js": "hello"
      })
      const foreign = yield* reading([{ ...image([code]), platform: "linux/riscv64" }])
      assert.strictEqual(foreign, `Error: the image ${name} is not made for ${own}`)
    })
  )

  it.effect("is its layers over one another, without what a later one takes away", () =>
    Effect.gen(function* () {
      const files = yield* reading([
        image(
          [
            code,
            { name: "./app/old.js", content: "old" },
            { name: "lib/a.js" },
            { name: "lib/b/c.js" },
            { name: "etc/x" }
          ],
          [
            { ...code, content: "newer" },
            { name: "app/.wh.old.js" },
            { name: "lib/.wh..wh..opq" },
            { name: "lib/d.js" }
          ],
          [{ name: ".wh.etc" }]
        )
      ])
      assert.deepStrictEqual(files, { "app/hello.js": "newer", "lib/d.js": "" })
    })
  )

  it.effect("is read below a path of it", () =>
    Effect.gen(function* () {
      const images = [image([{ name: "app/" }, code, { name: "README" }])]
      assert.deepStrictEqual(yield* reading(images, { subPath: "/app/" }), { "hello.js": "hello" })
      assert.strictEqual(yield* reading(images, { subPath: "lib" }), "Error: the image has no directory lib")
    })
  )

  it.effect("is refused when a blob is not what its digest says", () =>
    Effect.gen(function* () {
      const spoil = async (layout: string) => {
        const blobs = join(layout, "blobs", "sha256")
        for (const file of await readdir(blobs)) await writeFile(join(blobs, file), "{}")
      }
      assert.match(String(yield* reading([image([code])], { spoil })), /has another digest: it is damaged$/u)
    })
  )

  it.effect.each(["1", "2", "3"])("is refused when it holds an entry of the tar type %s", (type) =>
    Effect.gen(function* () {
      const files = yield* reading([image([{ name: "app/link", type }])])
      assert.strictEqual(files, `Error: app/link is a link or a device (tar type "${type}")`)
    })
  )

  it.effect("that is not there is named", () =>
    Effect.gen(function* () {
      const reference = () => "code/other"
      assert.match(String(yield* reading([image([code])], { reference })), /has no image code\/other$/u)
      const digest = () => `code/other@sha256:${"0".repeat(64)}`
      assert.match(String(yield* reading([image([code])], { reference: digest })), /has no blob sha256:0{64}$/u)
      const layout = yield* temporaryDirectory
      const noLayout = yield* Effect.promise(() => readImage(layout, name, "").catch(String))
      assert.strictEqual(noLayout, `Error: ${layout} is no OCI image layout: it has no index.json`)
      const none = yield* Effect.promise(() => readImage(undefined, name, "").catch(String))
      assert.include(String(none), "was given no images")
    })
  )
})
