import { defineConfig } from "rolldown"

/** One bundle for the image; the embedded cluster is a chunk of its own, loaded by `dev` and `demo` only. */
export default defineConfig({
  input: "src/main.ts",
  platform: "node",
  output: { dir: "dist", format: "esm", entryFileNames: "[name].mjs", chunkFileNames: "[name].mjs", minify: true }
})
