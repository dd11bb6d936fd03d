import { assert, describe, it } from "@effect/vitest"
import {
  claimPatch,
  drainPatch,
  finalPatch,
  releasePatch,
  reservePatch,
  servedPatch
} from "../../src/podspec/PodPatches.ts"
import { environment } from "./environments.ts"
import { at, frozen } from "./StockObjects.ts"

const pod = frozen({ metadata: { name: "pod-1", uid: "pod-uid", resourceVersion: "41" } })

const fn = (labels?: { readonly [label: string]: string }) =>
  frozen({
    metadata: { name: "hello", namespace: "team-a", uid: "fn-uid", generation: 3, ...(labels && { labels }) },
    spec: {}
  })

const pooled = environment({}, {}, { labels: { team: "a", managed: "mine" }, annotations: { note: "hello" } })

const claim = (labels?: { readonly [label: string]: string }) =>
  claimPatch({ pod, environment: pooled, fn: fn(labels), instanceId: "abcdefgh" })

describe("the patch that claims a pod (poolmgr.md section 7.4)", () => {
  it("fails for any other pod, and for one that was touched since we looked (W03)", () => {
    assert.strictEqual(at(claim(), "metadata", "uid"), "pod-uid")
    assert.strictEqual(at(claim(), "metadata", "resourceVersion"), "41")
  })

  it("carries the Environment's labels and annotations, under ours", () => {
    assert.strictEqual(at(claim(), "metadata", "labels", "team"), "a")
    assert.strictEqual(at(claim(), "metadata", "labels", "managed"), "false")
    assert.strictEqual(at(claim(), "metadata", "annotations", "note"), "hello")
  })

  it("names the version of a Function that is one", () => {
    const version = { "fission.io/function-version": "hello-v2" }
    assert.strictEqual(at(claim(version), "metadata", "labels", "fission.io/function-version"), "hello-v2")
    assert.notProperty(at(claim(), "metadata", "labels"), "fission.io/function-version")
  })

  it("does not say that the pod serves", () => {
    assert.notProperty(at(claim(), "metadata", "labels"), "fission.io/served")
  })
})

it("the patch that records that a pod serves needs no version: nobody else may write the pod's labels any more", () => {
  assert.deepStrictEqual(servedPatch(pod, "10.0.0.1:8888", "812"), {
    metadata: {
      uid: "pod-uid",
      annotations: { svcHost: "10.0.0.1:8888", functionResourceVersion: "812" },
      labels: { "fission.io/served": "true" }
    }
  })
})

/** Labels and annotations after both patches; null takes one away. */
const after = (...patches: ReadonlyArray<unknown>) => {
  const merged = (field: string) => {
    const all: { [name: string]: unknown } = Object.assign({}, ...patches.map((patch) => at(patch, "metadata", field)))
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))
  }
  return { labels: merged("labels"), annotations: merged("annotations") }
}

describe("the patches of a pod in the reserve (poolmgr.md section 22.2)", () => {
  const reserved = reservePatch({ pod, environment: pooled, instanceId: "abcdefgh" })
  const finished = finalPatch(pod, "10.0.0.1:8888", fn({ "fission.io/function-version": "hello-v2" }))

  it("mark it, let its node go, and name no function", () => {
    const { annotations, labels } = after(reserved)
    assert.strictEqual(labels["managed"], "false")
    assert.strictEqual(labels["fission.io/claimed"], "true")
    assert.strictEqual(annotations["executorInstanceId"], "abcdefgh")
    assert.match(String(annotations["fission.io/runtime-fingerprint"]), /^[\da-f]{16}$/u)
    assert.strictEqual(annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"], "true")
    const names = [...Object.keys(labels), ...Object.keys(annotations)]
    assert.deepStrictEqual(
      names.filter((name) => /function|served|svcHost/u.test(name)),
      []
    )
  })

  it("leave of a pod that serves what a claim for its function leaves", () => {
    const version = { "fission.io/function-version": "hello-v2" }
    assert.deepStrictEqual(after(reserved, finished), after(claim(version), servedPatch(pod, "10.0.0.1:8888", "")))
  })

  it("fail for any other pod, and for one that was touched since we looked", () => {
    for (const patch of [reserved, finished, releasePatch(pod)]) {
      assert.strictEqual(at(patch, "metadata", "uid"), "pod-uid")
      assert.strictEqual(at(patch, "metadata", "resourceVersion"), "41")
    }
  })

  it("give it back by one label, so that its writer is still known", () => {
    assert.deepStrictEqual(at(releasePatch(pod), "metadata", "labels"), { "fission.io/claimed": "released" })
  })
})

it("the patch that drains a pod takes its label away and says since when", () => {
  assert.deepStrictEqual(drainPatch("pod-uid", "2026-08-07T10:00:00Z"), {
    metadata: {
      uid: "pod-uid",
      annotations: { "fission.io/draining-since": "2026-08-07T10:00:00Z" },
      labels: { "fission.io/served": null }
    }
  })
})
