import { assert, it } from "@effect/vitest"
import { programs } from "../../../src/devcluster/kubelet/Programs.ts"

it.each([
  ["fetcher", "ghcr.io/fission/fetcher:1", "fetcher"],
  ["node", "ghcr.io/fission/node-env", "nodeRuntime"],
  ["main", "localhost:5000/fission/node-env-22:1.2@sha256:abc", "nodeRuntime"],
  ["main", "ghcr.io/nodes/python-env", "pythonRuntime"],
  ["main", "hashicorp/http-echo:1.0", "httpEcho"],
  ["main", "ghcr.io/nodes/jvm-env", undefined]
])("runs the container %s of the image %s with %s", (name, image, expected) => {
  const file = programs.find(({ runs }) => runs({ name, image }))?.file
  assert.strictEqual(file?.split("/").at(-1)?.split(".")[0], expected)
})
