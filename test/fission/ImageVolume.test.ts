import { assert, describe, it } from "@effect/vitest"
import { imageHash, imageVolumeOf, mountedPath, type PoolImage, problemOf } from "../../src/fission/ImageVolume.ts"

const volume = (reference: string, subPath = "") => ({ reference, subPath, pullSecrets: [] })

const digest = `sha256:${"b".repeat(64)}`

describe("the hash of an image", () => {
  it("is the stock executor's, with and without a fetcher (section 18)", () => {
    const image: PoolImage = { ...volume("registry.example.com/code/hello:v1"), hasFetcher: false }
    assert.strictEqual(imageHash(image), "5e448fd1a83a8be8")
    assert.strictEqual(imageHash({ ...image, hasFetcher: true }), "0254eddadaafaf57")
  })
})

describe("the volume of a Package", () => {
  it("has the digest behind the image, unless the image has one", () => {
    assert.strictEqual(imageVolumeOf({ image: "code/hello", digest }).reference, `code/hello@${digest}`)
    assert.strictEqual(imageVolumeOf({ image: "code/hello@sha256:1", digest }).reference, "code/hello@sha256:1")
    assert.strictEqual(imageVolumeOf({ image: "code/hello", digest: "" }).reference, "code/hello")
  })

  it("mounts a path without slashes at its ends, and names no empty Secret", () => {
    const oci = { image: "code/hello", subPath: "/app/src/", imagePullSecrets: [{ name: "own" }, { name: "" }, {}] }
    assert.strictEqual(mountedPath(imageVolumeOf(oci)), "app/src")
    assert.deepStrictEqual(imageVolumeOf(oci).pullSecrets, ["own"])
  })
})

describe("a reference", () => {
  it.each([
    "hello",
    "code/hello:v1",
    "registry.example.com/code/hello:v1",
    "localhost:5000/a_b/c-d__e:1.2",
    `ghcr.io/code/hello:v1@${digest}`,
    "[::1]:5000/hello"
  ])("%s is one", (reference) => {
    assert.isUndefined(problemOf(volume(reference)))
  })

  it.each([
    "",
    "Hello",
    "code/hello:",
    "https://registry.example.com/hello",
    "code//hello",
    "hello world",
    "hello@sha256:1"
  ])("%j is none", (reference) => {
    assert.strictEqual(problemOf(volume(reference)), `"${reference}" is no reference of an OCI image`)
  })

  it("may not come with a path that leads out of the image", () => {
    assert.strictEqual(problemOf(volume("hello", "app/../..")), 'the path "app/../.." leads out of the image')
    assert.isUndefined(problemOf(volume("hello", "app..d")))
  })
})
