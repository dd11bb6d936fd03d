import { chmodSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Context, Effect, Layer } from "effect"
import { build } from "rolldown"
import { buildRoot } from "../../deploy/image/buildRoot.ts"
import { commands } from "../../rolldown.config.ts"

/** The file system of the image in a temporary folder, built once for everybody who shares the layer. */
export class ImageRoot extends Context.Service<ImageRoot, { readonly path: string }>()("test/deploy/ImageRoot") {
  static readonly layer: Layer.Layer<ImageRoot> = Layer.effect(
    ImageRoot,
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "image-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )
      const bundle = join(folder, "dist")
      const path = join(folder, "root")
      yield* Effect.promise(() => build({ ...commands, output: { ...commands.output, dir: bundle } }))
      buildRoot(path, bundle)
      chmodSync(folder, 0o755)
      return ImageRoot.of({ path })
    })
  )
}
