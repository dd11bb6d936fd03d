import { assert, it } from "@effect/vitest"
import { functionServiceName } from "../../src/fission/FunctionServiceName.ts"

const uid = "fn-uid-1"

it.for([
  ["hello", "", "fn-hello-3010072a"],
  ["hello", "hello-v3", "fn-hello-3010072a-v3"],
  ["hello", "hello-v9223372036854775807", "fn-hello-3010072a-v9223372036854775807"],
  ["hello", "blue", "fn-hello-3010072a-v16477688"],
  ["a".repeat(51), "", `fn-${"a".repeat(51)}-3010072a`],
  ["a".repeat(52), "", `fn-${"a".repeat(51)}-3010072a`],
  ["a".repeat(63), "", `fn-${"a".repeat(51)}-3010072a`],
  ["a".repeat(63), "hello-v12", `fn-${"a".repeat(47)}-3010072a-v12`],
  ["a".repeat(63), "blue", `fn-${"a".repeat(41)}-3010072a-v16477688`]
] as const)("the Service of %s in version '%s' (poolmgr.md section 10)", ([name, version, expected]) => {
  assert.strictEqual(functionServiceName({ name, uid }, version), expected)
})

it("no Service has a name of more than 63 characters, whatever its version is called (section 23)", () => {
  for (const version of ["", "blue", `v-v${"9".repeat(30)}`, `${"x".repeat(43)}-v${"9".repeat(18)}`]) {
    for (const length of [1, 40, 63, 253]) {
      assert.isAtMost(functionServiceName({ name: "a".repeat(length), uid }, version).length, 63)
    }
  }
})

it("functions of one name and different UIDs have different Services", () => {
  assert.notStrictEqual(
    functionServiceName({ name: "a".repeat(63), uid: "one" }, ""),
    functionServiceName({ name: "a".repeat(63), uid: "two" }, "")
  )
})
