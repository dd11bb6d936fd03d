import { assert, it } from "@effect/vitest"
import { functionObjectName } from "../../src/fission/FunctionObjectName.ts"

const uid = "abcdef01-2345-6789-abcd-ef0123456789"
const version = (label: string) => ({ "fission.io/function-version": label })

it.each<readonly [name: string, namespace: string, label: string, expected: string]>([
  ["hello", "default", "", "newdeploy-hello-default-abcd-ef0123456789"],
  ["hello", "default", "hello-v3", "newdeploy-hello-default-abcd-ef0123456789-v3"],
  ["hello", "default", "weird-label", "newdeploy-hello-default-abcd-ef0123456789-v7dd24e95"],
  ["a".repeat(63), "b".repeat(63), "", "newdeploy-aaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbbb-abcd-ef0123456789"],
  ["a".repeat(63), "b".repeat(63), "x-v12", "newdeploy-aaaaaaaaaaaaaaaaa-bbbbbbbbbbbbb-abcd-ef0123456789-v12"]
])("25.1: %s in %s of version '%s' has the objects %s (section 2)", (name, namespace, label, expected) => {
  const metadata = { name, namespace, uid, ...(label === "" ? {} : { labels: version(label) }) }
  assert.strictEqual(functionObjectName("newdeploy", metadata), expected)
})

it.each([1, 16, 17, 18, 34, 63])(
  "25.1: a name is at most 63 characters, of a function of %i characters too",
  (length) => {
    for (const label of ["", "x-v1", "x-v1234567890123456789", "odd"]) {
      const metadata = { name: "f".repeat(length), namespace: "n".repeat(63), uid, labels: version(label) }
      assert.isAtMost(functionObjectName("container", metadata).length, 63)
    }
  }
)
