import { assert, describe, it } from "@effect/vitest"
import { cpuLimit } from "../../src/podspec/CpuLimit.ts"
import { quantityOf } from "../../src/fission/Quantity.ts"

describe("a quantity", () => {
  it.each<readonly [quantity: unknown, value: number | undefined]>([
    ["0", 0],
    ["1", 1],
    ["0.5", 0.5],
    [".5", 0.5],
    ["1.", 1],
    ["-2", -2],
    ["1100m", 1.1],
    ["100u", 1e-4],
    ["5n", 5e-9],
    ["2k", 2000],
    ["3M", 3e6],
    ["1E", 1e18],
    ["1e3", 1000],
    ["1E3", 1000],
    ["25e-1", 2.5],
    ["1Ki", 1024],
    ["1.5Gi", 1.5 * 1024 ** 3],
    [2, 2],
    ["", undefined],
    ["m", undefined],
    ["1K", undefined],
    ["1GB", undefined],
    ["ten", undefined],
    [undefined, undefined]
  ])("%s is %s", (quantity, value) => {
    assert.strictEqual(quantityOf(quantity), value)
  })
})

describe("the CPU limit of a pod, in millicores (function-service-cache.md section 4.6)", () => {
  const limitOf = (...cpus: ReadonlyArray<unknown>) =>
    cpuLimit({
      metadata: { name: "pod" },
      spec: { containers: cpus.map((cpu, index) => ({ name: `c${index}`, resources: { limits: { cpu } } })) }
    })

  it.each<readonly [cpus: ReadonlyArray<unknown>, limit: number]>([
    [["100m"], 85],
    [["1"], 850],
    [[1], 850],
    [["1.1"], 935],
    [["500m", "100m"], 510],
    [["10m"], 9],
    [["1500u"], 2],
    [["250000000n"], 213],
    [["2e-1"], 170],
    [["1k"], 850_000],
    [["100m", undefined], 85],
    [["many"], 0],
    [[], 0]
  ])("%j: %i", (cpus, limit) => {
    assert.strictEqual(limitOf(...cpus), limit)
  })

  it("is none where nothing is limited, or nothing is known", () => {
    assert.strictEqual(cpuLimit({ metadata: { name: "pod" } }), 0)
    assert.strictEqual(cpuLimit({ metadata: { name: "pod" }, spec: { containers: [{ name: "c" }] } }), 0)
  })
})
