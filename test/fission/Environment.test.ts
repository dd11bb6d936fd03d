import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import {
  type Environment,
  gracePeriodSeconds,
  isInfinite,
  poolSize,
  reserveSize
} from "../../src/fission/Environment.ts"
import { Environments } from "../../src/fission/ResourceKind.ts"

const environment = (spec: Partial<Environment["spec"]>): Environment => ({
  metadata: { name: "node" },
  spec: { version: 3, runtime: {}, ...spec }
})

describe("the pool of an Environment", () => {
  it.for<readonly [name: string, spec: Partial<Environment["spec"]>, size: number]>([
    ["version 3 with a size", { poolsize: 5 }, 5],
    ["version 3 with size 0", { poolsize: 0 }, 0],
    ["version 3 without a size", {}, 0],
    ["version 3 with a negative size", { poolsize: -1 }, 0],
    ["version 2, whatever it says", { version: 2, poolsize: 9 }, 3],
    ["version 1", { version: 1 }, 3],
    ["one pod for all functions", { poolsize: 5, allowedFunctionsPerContainer: "infinite" }, 1]
  ])("has the size of poolmgr.md section 4.3: %s", ([, spec, size]) => {
    assert.strictEqual(poolSize(environment(spec)), size)
  })

  it.for<readonly [name: string, spec: Partial<Environment["spec"]>, wished: number, size: number]>([
    ["as many as wished", { poolsize: 10 }, 3, 3],
    ["half the pool where more are wished than that", { poolsize: 7 }, 5, 3],
    ["half the pool where more are wished than it has", { poolsize: 4 }, 100, 2],
    ["none beside a pool of one", { poolsize: 1 }, 1, 0],
    ["none beside a pool of none", { poolsize: 0 }, 1, 0],
    ["none where none are wished", { poolsize: 10 }, 0, 0],
    ["one beside the three of version 1", { version: 1 }, 2, 1],
    ["none of a pod that functions share", { poolsize: 10, allowedFunctionsPerContainer: "infinite" }, 5, 0]
  ])("has a reserve of the size of poolmgr.md section 22.2: %s", ([, spec, wished, size]) => {
    assert.strictEqual(reserveSize(environment(spec), wished), size)
  })

  it("serves every function from one pod where it says infinite", () => {
    assert.isTrue(isInfinite(environment({ allowedFunctionsPerContainer: "infinite" })))
    assert.isFalse(isInfinite(environment({ allowedFunctionsPerContainer: "single" })))
  })

  it("gives a pod 90 s to stop where nothing is said, and none where that is said", () => {
    assert.strictEqual(gracePeriodSeconds(environment({})), 90)
    assert.strictEqual(gracePeriodSeconds(environment({ terminationGracePeriod: null })), 90)
    assert.strictEqual(gracePeriodSeconds(environment({ terminationGracePeriod: 0 })), 0)
  })
})

it("an Environment keeps raw what is merged into pod templates, and drops what nobody reads", () => {
  const decoded = Environments.decode({
    apiVersion: "fission.io/v1",
    kind: "Environment",
    metadata: { name: "node", managedFields: [{ manager: "kubectl" }], labels: null },
    spec: { version: 3, runtime: { image: "node", podspec: { any: { thing: [1] } } }, builder: { image: "b" } }
  })
  assert.isTrue(Result.isSuccess(decoded))
  assert.deepStrictEqual(Result.isSuccess(decoded) ? decoded.success : undefined, {
    metadata: { name: "node", labels: null },
    spec: { version: 3, runtime: { image: "node", podspec: { any: { thing: [1] } } } }
  } as Environment)
})
