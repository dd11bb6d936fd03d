import { readdirSync, readFileSync } from "node:fs"
import type { Plugin, RolldownOptions } from "rolldown"

const common = { format: "esm", entryFileNames: "[name].mjs", minify: true } as const

/** The program of a pod that is no JavaScript, beside the launcher that starts it. */
const pythonRuntime = (folder: string): Plugin => ({
  name: "python-runtime",
  generateBundle() {
    const source = readFileSync("src/devcluster/pod/pythonRuntime.py")
    this.emitFile({ type: "asset", fileName: `${folder}pythonRuntime.py`, source })
  }
})

/** What the operator's page is made of, where the sources look for it too: in `page/` beside the module that serves it. */
const operatorPage = (folder: string): Plugin => ({
  name: "operator-page",
  generateBundle() {
    const sources = "src/observability/page"
    for (const name of readdirSync(sources)) {
      const source = readFileSync(`${sources}/${name}`)
      this.emitFile({ type: "asset", fileName: `${folder}page/${name}`, source })
    }
  }
})

/**
 * `main.mjs` and `page/` are all that the executor needs. The embedded cluster is loaded by `dev` and `demo` only;
 * from `cluster/` it finds the programs of its pods as `../pod/` and the samples as `../../deploy/samples`, as the
 * sources do.
 */
export const commands = {
  input: "src/main.ts",
  platform: "node",
  plugins: [operatorPage("")],
  // A megabyte of generated classes of which we use none.
  treeshake: { moduleSideEffects: [{ test: /@kubernetes\/client-node\//u, sideEffects: false }] },
  output: {
    ...common,
    dir: "dist",
    chunkFileNames: "[name].mjs",
    cleanDir: true,
    banner: ({ isEntry }) => (isEntry ? "#!/usr/bin/env node" : ""),
    codeSplitting: {
      groups: [
        // With whatever it imports statically, and first, so that nothing of it ends up with the cluster.
        { name: "executor", test: /src\/main\.ts$/u, priority: 1 },
        { name: "cluster/cluster", test: /./u }
      ]
    }
  }
} satisfies RolldownOptions

const programs = ["fetcher", "httpEcho", "nodeRuntime", "pythonRuntime"]

/** The programs that the embedded kubelet starts, each a process of its own. */
const podPrograms = {
  input: Object.fromEntries(programs.map((name) => [name, `src/devcluster/pod/${name}.ts`])),
  platform: "node",
  plugins: [pythonRuntime("")],
  output: { ...common, dir: "dist/pod", chunkFileNames: "[name].mjs" }
} satisfies RolldownOptions

/**
 * What `import "fission-executor"` gives: module by module as the sources are, so that whoever bundles an executor of their
 * own shakes off what it does not use, and over the importer's copy of `effect`. `tsconfig.lib.json` adds the types.
 */
const library = {
  input: ["src/index.ts", ...programs.map((name) => `src/devcluster/pod/${name}.ts`)],
  platform: "node",
  external: /^(?!\.|\/)/u,
  plugins: [pythonRuntime("devcluster/pod/"), operatorPage("observability/")],
  output: {
    format: "esm",
    dir: "lib",
    cleanDir: true,
    preserveModules: true,
    preserveModulesRoot: "src",
    entryFileNames: "[name].mjs"
  }
} satisfies RolldownOptions

export default [commands, podPrograms, library]
