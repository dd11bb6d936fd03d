import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Deployments, Events, Pods, Secrets } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import { listOf, objectOf } from "../../src/podspec/Json.ts"
import { temporaryDirectory } from "../devcluster/pod/podFixture.ts"
import { type ImageGiven, writeLayout } from "../fakes/OciLayout.ts"
import * as World from "./World.ts"

const imageWith = (name: string, code: string): ImageGiven => ({
  name,
  layers: [[{ name: "app/" }, { name: "app/main.js", content: code }]],
  packing: "tar+gzip"
})

const whoAmI = `const { existsSync } = require("node:fs")
module.exports = async () => ({ status: 200, body: existsSync("/etc/podinfo/name") ? "with a fetcher" : "without a fetcher" })
`

const images = [
  imageWith("registry.test/code/hello:v1", World.answering("from an image")),
  imageWith("registry.test/code/who:v1", whoAmI),
  imageWith(
    "registry.test/code/secret:v1",
    'const { readFileSync } = require("node:fs")\nmodule.exports = async () => ({ status: 200, body: readFileSync("/secrets/default/key/word", "utf8") })\n'
  ),
  imageWith("registry.test/code/deployed:v1", World.answering("deployed from an image"))
]

const oci = (name: string, more: object = {}) => ({
  type: "oci",
  oci: { image: `registry.test/code/${name}:v1`, subPath: "/app", ...more }
})

/** A world with those images. */
const worldWith = (variables: { readonly [name: string]: string }) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const imageLayout = yield* temporaryDirectory
      yield* Effect.promise(() => writeLayout(imageLayout, images))
      return World.layer({ variables: { POD_READY_TIMEOUT: "5s", ...variables }, imageLayout })
    })
  )

const whenMessage = (reason: string) =>
  World.eventually(
    Effect.map(
      KubernetesApi.use((api) => api.list(Events, { namespace: "default" })),
      ({ items }) => items.map((event) => ({ ...event })).find((event) => event["reason"] === reason)?.["message"]
    )
  )

const poolsForImages = Effect.map(
  KubernetesApi.use((api) => api.list(Deployments, { namespace: "default", labelSelector: "ociImageHash" })),
  ({ items }) => items
)

layer(worldWith({ ENABLE_OCI_IMAGE_VOLUME: "true" }), { excludeTestServices: true })(
  "a function with an OCI package, where pods mount images",
  (it) => {
    it.effect("answers from a pod without a fetcher that has its image mounted", () =>
      Effect.gen(function* () {
        yield* World.createEnvironment()
        yield* World.createFunction("who", oci("who"))
        assert.deepInclude(yield* World.call("who"), { status: 200, body: "without a fetcher" })
        const [pool] = yield* poolsForImages
        const spec = objectOf(objectOf(objectOf(pool?.["spec"])["template"])["spec"])
        assert.deepStrictEqual(
          listOf(spec["containers"]).map(({ name }) => name),
          ["nodejs"]
        )
      })
    )

    it.effect("has a fetcher beside its image when it has Secrets", () =>
      Effect.gen(function* () {
        yield* KubernetesApi.use((api) =>
          api.create(Secrets, {
            metadata: { namespace: "default", name: "key" },
            data: { word: Buffer.from("sesame").toString("base64") }
          })
        )
        yield* World.createFunction("secret", oci("secret"), { secrets: [{ namespace: "default", name: "key" }] })
        assert.deepInclude(yield* World.call("secret"), { status: 200, body: "sesame" })
      })
    )

    it.effect("of the type newdeploy mounts its image too", () =>
      Effect.gen(function* () {
        yield* World.createFunction("deployed", oci("deployed"), {
          InvokeStrategy: {
            StrategyType: "execution",
            ExecutionStrategy: { ExecutorType: "newdeploy", MinScale: 1, MaxScale: 1 }
          }
        })
        assert.deepInclude(yield* World.call("deployed"), { status: 200, body: "deployed from an image" })
        const pods = yield* KubernetesApi.use((api) =>
          api.list(Pods, { namespace: "default", labelSelector: "executorType=newdeploy" })
        )
        assert.include(JSON.stringify(pods.items[0]?.["spec"]), "oci-package-image")
      })
    )

    it.effect("says which image is not there", () =>
      Effect.gen(function* () {
        yield* World.createFunction("absent", oci("absent"))
        const { body, status } = yield* World.ask("absent")
        assert.strictEqual(status, 500)
        assert.include(body, "ErrImagePull")
        assert.include(body, "has no image registry.test/code/absent:v1")
        assert.include(String(yield* whenMessage("Failed")), "has no image registry.test/code/absent:v1")
      })
    )
  }
)

layer(worldWith({ ENABLE_OCI_IMAGE_VOLUME: "false" }), { excludeTestServices: true })(
  "a function with an OCI package, where pods mount none",
  (it) => {
    it.effect("answers from a generic pod whose fetcher pulled the image", () =>
      Effect.gen(function* () {
        yield* World.createEnvironment()
        yield* World.warm(2)
        yield* World.createFunction("who", oci("who"))
        assert.deepInclude(yield* World.call("who"), { status: 200, body: "with a fetcher" })
        assert.deepStrictEqual(yield* poolsForImages, [])
      })
    )

    it.effect("is refused when the image has not the digest that its Package names", () =>
      Effect.gen(function* () {
        yield* World.createFunction("hello", oci("hello", { digest: `sha256:${"0".repeat(64)}` }))
        const { body, status } = yield* World.ask("hello")
        assert.strictEqual(status, 500)
        assert.match(body, /^error fetching deploy package: .* has no blob sha256:0{64}/u)
      })
    )
  }
)
