import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { HttpTriggers, inOrder, pick, verdict } from "../../../src/devcluster/router/HttpTriggers.ts"

const decode = (name: string, spec: object) =>
  HttpTriggers.decode({
    metadata: { name, namespace: "default" },
    spec: { functionref: { type: "name", name: "hello" }, ...spec }
  })

const parametersOf = (relativeurl: string, path: string) =>
  Result.getOrThrow(decode("one", { relativeurl })).match(path)?.parameters

describe("path parameters", () => {
  for (const [pattern, path, parameters] of [
    ["/a/{b}", "/a/c", { b: "c" }],
    ["/a/{b}", "/a/c/d", undefined],
    ["/a/{b}", "/a/", undefined],
    ["/a/{rest:.*}", "/a/c/d", { rest: "c/d" }],
    ["/{year:[0-9]{4}}/{name}.html", "/2026/x.html", { year: "2026", name: "x" }],
    ["/{year:[0-9]{4}}/{name}.html", "/26/x.html", undefined],
    ["/a+b", "/a+b", {}],
    ["/a+b", "/aab", undefined],
    ["/a/{b}", "/a/%C3%A9", { b: "%C3%A9" }],
    ["/a/{b}", "/a/%zz", { b: "%zz" }],
    ["/a/{b}", "/a/x%0Ay", { b: "x%0Ay" }]
  ] as const) {
    it.effect(`${pattern} on ${path}`, () =>
      Effect.sync(() => assert.deepStrictEqual(parametersOf(pattern, path), parameters))
    )
  }
})

describe("a trigger that can never route anything cannot be read", () => {
  for (const [what, spec, problem] of [
    ["no path", {}, "is not below /"],
    ["the root", { prefix: "/" }, "is not below /"],
    ["a path without a slash", { relativeurl: "a" }, "is not below /"],
    ["a broken regular expression", { relativeurl: "/{a:(}" }, "cannot be used"],
    ["no function", { relativeurl: "/a", functionref: { type: "name" } }, "names no function"],
    ["no weight", { relativeurl: "/a", functionref: { type: "function-weights" } }, "names no function"],
    ["another kind of reference", { relativeurl: "/a", functionref: { type: "alias", name: "a" } }, "function-weights"]
  ] as const) {
    it.effect(what, () =>
      Effect.sync(() => {
        const decoded = decode("one", spec)
        assert.include(Result.isFailure(decoded) ? decoded.failure.message : "it was read", problem)
      })
    )
  }
})

it.effect("an exact path is asked before a prefix, and a long one before a short one", () =>
  Effect.sync(() => {
    const triggers = inOrder(
      Object.entries({
        short: { prefix: "/a" },
        long: { prefix: "/a/b" },
        pattern: { relativeurl: "/a/{something}" },
        exact: { relativeurl: "/a/bb" }
      }).map(([name, spec]) => Result.getOrThrow(decode(name, spec)))
    )
    const first = (path: string) => {
      const found = verdict(triggers, { method: "GET", host: "localhost", path })
      return found._tag === "Matched" ? found.trigger.metadata.name : found._tag
    }
    assert.deepStrictEqual(["/a/bb", "/a/x", "/a/b/c", "/a/c/d", "/b"].map(first), [
      "exact",
      "pattern",
      "long",
      "short",
      "NoPath"
    ])
  })
)

it.effect("weights share the requests out", () =>
  Effect.sync(() => {
    const targets = [
      { name: "old", weight: 90 },
      { name: "new", weight: 10 }
    ]
    assert.deepStrictEqual(
      [0, 0.89, 0.9, 0.99].map((point) => pick(targets, point).name),
      ["old", "old", "new", "new"]
    )
  })
)
