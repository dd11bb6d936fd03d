import { assert, it } from "@effect/vitest"
import type { Environment } from "../../src/fission/Environment.ts"
import { poolName } from "../../src/fission/PoolName.ts"

const environment = (name: string, namespace: string, resourceVersion: string): Environment => ({
  metadata: { name, namespace, resourceVersion },
  spec: { version: 3, runtime: {} }
})

it.for([
  ["test", "testns", "2517", "poolmgr-test-testns-2517"],
  ["a".repeat(19), "b".repeat(20), "2518", `poolmgr-${"a".repeat(18)}-${"b".repeat(18)}-2518`],
  ["a".repeat(18), "b".repeat(18), "2519", `poolmgr-${"a".repeat(18)}-${"b".repeat(18)}-2519`],
  ["a".repeat(35), "b", "2520", `poolmgr-${"a".repeat(35)}-b-2520`],
  ["a".repeat(36), "b", "2521", `poolmgr-${"a".repeat(18)}-b-2521`],
  ["Node", "Team", "7", "poolmgr-node-team-7"]
] as const)("the pool of %s in %s at version %s (poolmgr.md section 4.6)", ([name, namespace, version, expected]) => {
  assert.strictEqual(poolName(environment(name, namespace, version)), expected)
})

it.for([
  ["test", "testns", "2517", "poolmgr-test-testns-abcdef01-2517"],
  ["a".repeat(20), "b".repeat(7), "2518", `poolmgr-${"a".repeat(20)}-${"b".repeat(7)}-abcdef01-2518`],
  ["a".repeat(20), "b".repeat(8), "2519", `poolmgr-${"a".repeat(13)}-${"b".repeat(8)}-abcdef01-2519`]
] as const)("the pool of an image for %s in %s at version %s", ([name, namespace, version, expected]) => {
  assert.strictEqual(poolName(environment(name, namespace, version), "abcdef0123456789"), expected)
})
