import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import type { KubernetesCall, KubernetesError } from "../../src/Errors.ts"
import { afterWarmUp, classifyAnswer, classifyThrown, classifyWatchError } from "../../src/kubernetes/Classify.ts"
import { recordedFaults } from "./recordedFaults.ts"

const folder = new URL("../data/apiserver-faults/", import.meta.url)

type Json = { readonly [field: string]: unknown }
const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)
const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value ?? ""))

const verbs: { readonly [method: string]: KubernetesCall["verb"] } = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete"
}

const callOf = (request: unknown): KubernetesCall => {
  const method = isJson(request) ? text(request["method"]) : "GET"
  const path = isJson(request) ? text(request["path"]) : ""
  const read = path.includes("watch=1") ? "watch" : "get"
  return { verb: verbs[method] ?? read, resource: "configmaps", namespace: "faults" }
}

/** `TimeoutError.Throttled after 1s`, `FatalError.object`, `NotFound`; `, unknown` where a write may have happened. */
const classOf = (error: KubernetesError): string => {
  switch (error._tag) {
    case "KubernetesTimeoutError": {
      const after = error.retryAfter === undefined ? "" : ` after ${Duration.format(error.retryAfter)}`
      return `TimeoutError.${error.kind}${after}${error.outcomeUnknown ? ", unknown" : ""}`
    }
    case "KubernetesFatalError":
      return `FatalError.${error.scope}`
    default:
      return error._tag.replace("Kubernetes", "")
  }
}

const errorFrom = (recorded: Json): Error => {
  const cause = isJson(recorded["cause"]) ? errorFrom(recorded["cause"]) : undefined
  const error =
    recorded["name"] === "TypeError"
      ? new TypeError(text(recorded["message"]), { cause })
      : new Error(text(recorded["message"]))
  return Object.assign(error, {
    name: text(recorded["name"]),
    ...("code" in recorded ? { code: recorded["code"] } : {})
  })
}

it("takes a patch of an object with another UID for a conflict, though the server calls it invalid", () => {
  const answer = (field: string) => ({
    status: 422,
    headers: {},
    body: JSON.stringify({
      kind: "Status",
      status: "Failure",
      reason: "Invalid",
      message: `Pod "p" is invalid: ${field}: Invalid value: "another": field is immutable`,
      details: {
        name: "p",
        kind: "Pod",
        causes: [{ reason: "FieldValueInvalid", message: "field is immutable", field }]
      },
      code: 422
    })
  })
  const call: KubernetesCall = { verb: "patch", resource: "pods", namespace: "faults", name: "p" }
  assert.strictEqual(classOf(classifyAnswer(call, answer("metadata.uid"))), "Conflict")
  assert.strictEqual(classOf(classifyAnswer(call, answer("spec.nodeName"))), "FatalError.object")
})

const answerClass = (call: KubernetesCall, answer: Json): string => {
  const status = Number(answer["status"])
  const headers = isJson(answer["headers"]) ? answer["headers"] : {}
  const retryAfter = typeof headers["retry-after"] === "string" ? { "retry-after": headers["retry-after"] } : {}
  const body = text(answer["body"])
  if (status >= 300) return classOf(classifyAnswer(call, { status, headers: retryAfter, body }))
  try {
    JSON.parse(body)
    return "success"
  } catch (thrown) {
    return answer["body"] === undefined || "headers" in answer ? "success" : classOf(classifyThrown(call, thrown))
  }
}

/** A row of a timeline that was recorded as text: `429 TooManyRequests storage is (re)initializing RA=1`. */
const rowClass = (call: KubernetesCall, row: string): string | undefined => {
  const parsed = /^429 \w+ (?<body>.*) RA=(?<after>\d+)$/u.exec(row)
  if (parsed?.groups === undefined) return undefined
  const headers = { "retry-after": parsed.groups["after"] }
  return classOf(classifyAnswer(call, { status: 429, headers, body: parsed.groups["body"] ?? "" }))
}

/** The class of every answer and every network error that a recording holds, in order, each once. */
const classesIn = (call: KubernetesCall, recorded: unknown): ReadonlyArray<string> => {
  if (Array.isArray(recorded)) return recorded.flatMap((one) => classesIn(call, one))
  if (!isJson(recorded)) return []
  if (isJson(recorded["networkError"])) return [classOf(classifyThrown(call, errorFrom(recorded["networkError"])))]
  if (recorded["type"] === "ERROR") return [classOf(classifyWatchError(call, recorded["object"]))]
  if (recorded["end"] === "error" && isJson(recorded["error"])) {
    return [classOf(classifyThrown(call, errorFrom(recorded["error"])))]
  }
  if (typeof recorded["status"] === "number") {
    return [answerClass(call, recorded), ...classesIn(call, recorded["lines"])]
  }
  const row = rowClass(call, text(recorded["result"]))
  return row === undefined ? Object.values(recorded).flatMap((one) => classesIn(call, one)) : [row]
}

const read = (file: string): unknown => {
  const content = readFileSync(new URL(file, folder), "utf8")
  return file.endsWith(".ndjson")
    ? content.split("\n").flatMap((line): ReadonlyArray<unknown> => (line === "" ? [] : [JSON.parse(line)]))
    : JSON.parse(content)
}

const files = readdirSync(folder).filter((file) => file.endsWith("json"))

describe("every recorded fault", () => {
  it("is in the table", () => {
    assert.deepStrictEqual(files.toSorted(), Object.keys(recordedFaults).toSorted())
  })

  it.for(files)("has its class: %s", (file) => {
    const recorded = read(file)
    const call = callOf(isJson(recorded) ? recorded["request"] : undefined)
    assert.deepStrictEqual([...new Set(classesIn(call, recorded))], recordedFaults[file])
  })
})

const create: KubernetesCall = { verb: "create", resource: "pods", namespace: "team-a", name: "pod-1" }
const list: KubernetesCall = { verb: "list", resource: "pods", namespace: "team-a" }
const answer = (status: number, message: string, reason?: string) => ({
  status,
  headers: {},
  body: JSON.stringify({ status: "Failure", message, reason, code: status })
})

describe("an answer", () => {
  it.for([
    ["etcdserver: leader changed", "TimeoutError.Etcd, unknown"],
    ["etcdserver: no leader", "TimeoutError.Etcd, unknown"],
    ["etcdserver: too many requests", "TimeoutError.Etcd, unknown"],
    ["rpc error: code = Unavailable desc = transport is closing", "TimeoutError.Etcd, unknown"],
    ["context deadline exceeded", "TimeoutError.Etcd, unknown"],
    ["nil pointer", "TimeoutError.Unavailable, unknown"]
  ] as const)("of 500 with %s is %s for a write", ([message, expected]) => {
    assert.strictEqual(classOf(classifyAnswer(create, answer(500, message))), expected)
  })

  it("of 500 with reason ServerTimeout is trouble of etcd", () => {
    assert.strictEqual(classOf(classifyAnswer(list, answer(500, "try again", "ServerTimeout"))), "TimeoutError.Etcd")
  })

  it("that nobody knows is transient", () => {
    assert.strictEqual(
      classOf(classifyAnswer(list, { status: 302, headers: {}, body: "" })),
      "TimeoutError.Unavailable"
    )
  })

  it("of 403 to a write without a Status is not taken for a verdict on the object", () => {
    assert.strictEqual(
      classOf(classifyAnswer(create, { status: 403, headers: {}, body: "<html>Forbidden</html>" })),
      "TimeoutError.Warmup"
    )
  })

  it("of 403 to a write by an admission webhook concerns this object only", () => {
    const denied = answer(403, 'admission webhook "policy.example" denied the request: no latest tags', "Forbidden")
    assert.strictEqual(classOf(classifyAnswer(create, denied)), "FatalError.object")
  })

  it("of 403 to a read is never about an object", () => {
    assert.strictEqual(classOf(classifyAnswer(list, answer(403, "exceeded quota", "Forbidden"))), "TimeoutError.Warmup")
  })

  it("is told in one line of at most 500 characters", () => {
    const error = classifyAnswer(list, { status: 502, headers: {}, body: `<html>\n  bad\n${"x".repeat(1000)}` })
    assert.isTrue(error.detail.startsWith("<html> bad x"))
    assert.strictEqual(error.detail.length, 500)
  })

  it("without a body is told by its status", () => {
    assert.strictEqual(
      classifyAnswer(list, { status: 503, headers: {}, body: "" }).message,
      "list pods team-a: HTTP 503 (HTTP 503) [Unavailable]"
    )
  })

  it("takes the wait from the Status before the header", () => {
    const body = JSON.stringify({ status: "Failure", details: { retryAfterSeconds: 7 } })
    const error = classifyAnswer(list, { status: 429, headers: { "retry-after": "3" }, body })
    assert.strictEqual(classOf(error), "TimeoutError.Throttled after 7s")
  })

  it.for(["Wed, 21 Oct 2026 07:28:00 GMT", "-5", "soon"])("ignores a Retry-After of %s", (header) => {
    const error = classifyAnswer(list, { status: 429, headers: { "retry-after": header }, body: "" })
    assert.strictEqual(classOf(error), "TimeoutError.Throttled")
  })
})

describe("a thrown error", () => {
  const withCode = (code: string) => Object.assign(new Error(code), { code })

  it.for(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "UND_ERR_CONNECT_TIMEOUT"])(
    "before anything was sent leaves no doubt about a write: %s",
    (code) => {
      assert.strictEqual(classOf(classifyThrown(create, withCode(code))), "TimeoutError.Connection")
    }
  )

  it.for(["ECONNRESET", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET"])(
    "after something was sent leaves a write in doubt: %s",
    (code) => {
      assert.strictEqual(classOf(classifyThrown(create, withCode(code))), "TimeoutError.Connection, unknown")
    }
  )

  it.for(["a string", undefined, 7])("need not be an Error: %s", (thrown) => {
    assert.strictEqual(classOf(classifyThrown(list, thrown)), "TimeoutError.Connection")
  })
})

describe("a watch's ERROR event", () => {
  it.for([
    [{ code: 410, status: "Failure", reason: "Expired" }, "Expired"],
    [{ code: 403, status: "Failure", message: "is forbidden: User x" }, "TimeoutError.Warmup"],
    [{ code: 500, status: "Failure", message: "etcdserver: no leader" }, "TimeoutError.Etcd"],
    ["garbage", "TimeoutError.Unavailable"],
    [null, "TimeoutError.Unavailable"]
  ] as const)("%j is %s", ([object, expected]) => {
    assert.strictEqual(classOf(classifyWatchError({ ...list, verb: "watch" }, object)), expected)
  })
})

describe("a refusal that has lasted", () => {
  it.for([
    [401, "check the executor's credentials"],
    [403, "grant this right to the executor's service account"],
    [404, "install the CRD or check its version"]
  ] as const)("of %s says what to do", ([status, remedy]) => {
    const error = classifyAnswer(list, answer(status, "no"))
    assert.strictEqual(error._tag, "KubernetesTimeoutError")
    if (error._tag === "KubernetesTimeoutError") assert.include(afterWarmUp(error).message, remedy)
  })
})
