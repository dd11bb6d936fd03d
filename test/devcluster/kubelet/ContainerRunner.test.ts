import { assert, it } from "@effect/vitest"
import { Duration } from "effect"
import { restartDelay } from "../../../src/devcluster/kubelet/ContainerRunner.ts"
import { programs } from "../../../src/devcluster/kubelet/Programs.ts"

it("waits longer with each crash, up to five minutes", () => {
  const seconds = [1, 2, 3, 4, 5, 6, 7, 20].map((crashes) => Duration.toSeconds(restartDelay(crashes)))
  assert.deepStrictEqual(seconds, [0, 10, 20, 40, 80, 160, 300, 300])
})

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
