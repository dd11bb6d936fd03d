import { assert, describe, it } from "@effect/vitest"
import type { Environment } from "../../src/fission/Environment.ts"
import type { FissionFunction } from "../../src/fission/Function.ts"
import { specializeRequest } from "../../src/podspec/SpecializeRequest.ts"
import { environment } from "./environments.ts"
import { at, frozen } from "./StockObjects.ts"

type Spec = Partial<Environment["spec"]>

const request = (spec: Spec = {}, functionSpec: FissionFunction["spec"] = {}) =>
  specializeRequest(
    environment({}, spec),
    frozen({
      metadata: { name: "hello", namespace: "team-a", uid: "fn-uid", annotations: { secret: "x" } },
      spec: functionSpec
    })
  )

describe("the body of /specialize (function-pod-protocol.md section 4.1)", () => {
  it.each<readonly [name: string, spec: Spec, filename: string]>([
    ["an archive of its own from version 2 on", { version: 2 }, "deployarchive"],
    ["one file in version 1", { version: 1 }, "user"],
    ["a path per function in a shared pod", { version: 2, allowedFunctionsPerContainer: "infinite" }, "fn-uid"],
    ["one file in version 1, shared or not", { version: 1, allowedFunctionsPerContainer: "infinite" }, "user"]
  ])("loads %s", (_, spec, filename) => {
    assert.strictEqual(at(request(spec), "FetchReq", "filename"), filename)
    assert.strictEqual(at(request(spec), "LoadReq", "filepath"), `/userfunc/${filename}`)
  })

  it.each<readonly [name: string, spec: Spec, state: FissionFunction["spec"]["state"], keyspace: string | undefined]>([
    ["its own", {}, { keyspace: "carts" }, "carts"],
    ["the function's name where it has none", {}, {}, "hello"],
    ["none without state", {}, undefined, undefined],
    ["none in a shared pod", { allowedFunctionsPerContainer: "infinite" }, { keyspace: "carts" }, undefined]
  ])("names a keyspace: %s", (_, spec, state, keyspace) => {
    assert.strictEqual(at(request(spec, { state }), "LoadReq", "stateKeyspace"), keyspace)
  })

  it("mounts what the function refers to, and says nothing of a path where it has none", () => {
    const body = request({}, { secrets: [{ namespace: "team-a", name: "s", mountPath: "" }], configmaps: null })
    assert.deepStrictEqual(at(body, "FetchReq", "secretList"), [{ namespace: "team-a", name: "s" }])
    assert.isNull(at(body, "FetchReq", "configMapList"))
  })

  it("looks for the package in the function's namespace where none is given", () => {
    const body = request({}, { package: { packageref: { name: "code" } } })
    assert.deepStrictEqual(at(body, "FetchReq", "package"), { name: "code", namespace: "team-a" })
  })

  it("tells the runtime nothing of the function's annotations (P09)", () => {
    assert.deepStrictEqual(at(request(), "LoadReq", "FunctionMetadata"), {
      name: "hello",
      namespace: "team-a",
      uid: "fn-uid"
    })
  })
})
