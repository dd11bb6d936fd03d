import { assert, describe, it } from "@effect/vitest"
import { claimPatch, drainPatch, servedPatch } from "../../src/podspec/PodPatches.ts"
import { environment } from "./environments.ts"
import { at, frozen } from "./StockObjects.ts"

const pod = frozen({ metadata: { name: "pod-1", uid: "pod-uid", resourceVersion: "41" } })

const fn = (labels?: { readonly [label: string]: string }) =>
  frozen({
    metadata: { name: "hello", namespace: "team-a", uid: "fn-uid", generation: 3, ...(labels && { labels }) },
    spec: {}
  })

const claim = (labels?: { readonly [label: string]: string }) =>
  claimPatch({
    pod,
    environment: environment({}, {}, { labels: { team: "a", managed: "mine" }, annotations: { note: "hello" } }),
    fn: fn(labels),
    instanceId: "abcdefgh"
  })

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

it("the patch that drains a pod takes its label away and says since when", () => {
  assert.deepStrictEqual(drainPatch("pod-uid", "2026-08-07T10:00:00Z"), {
    metadata: {
      uid: "pod-uid",
      annotations: { "fission.io/draining-since": "2026-08-07T10:00:00Z" },
      labels: { "fission.io/served": null }
    }
  })
})
