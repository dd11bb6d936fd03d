import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import type { Json } from "../../src/podspec/Json.ts"
import { mergeContainer } from "../../src/podspec/MergeContainer.ts"
import { frozen } from "./StockObjects.ts"

const merged = (ours: Json, theirs: Json) => Result.getOrThrow(mergeContainer(frozen(ours), frozen(theirs)))

const problems = (ours: Json, theirs: Json) =>
  Result.getOrThrow(Result.flip(mergeContainer(frozen({ name: "node", ...ours }), frozen(theirs))))

describe("a container laid over ours (poolmgr.md section 6.7)", () => {
  it.each<readonly [name: string, ours: Json, theirs: Json, merged: Json]>([
    ["overrides what it sets", { image: "a", name: "x" }, { image: "b" }, { image: "b", name: "x" }],
    [
      "leaves what it does not set",
      { image: "a", args: ["x"], resources: { limits: { cpu: "1" } } },
      { image: "", args: [], resources: {}, workingDir: null },
      { image: "a", args: ["x"], resources: { limits: { cpu: "1" } } }
    ],
    ["can switch something off", { tty: true }, { tty: false }, { tty: false }],
    [
      "wins where maps meet",
      { resources: { limits: { cpu: "1", memory: "1Gi" } } },
      { resources: { limits: { cpu: "2" }, requests: { cpu: "1" } } },
      { resources: { limits: { cpu: "2", memory: "1Gi" }, requests: { cpu: "1" } } }
    ],
    ["comes last where lists meet", { args: ["a"] }, { args: ["b", "c"] }, { args: ["a", "b", "c"] }],
    [
      "replaces a handler as a whole",
      { lifecycle: { preStop: { sleep: { seconds: 90 } } } },
      { lifecycle: { preStop: { exec: { command: ["stop"] } } } },
      { lifecycle: { preStop: { exec: { command: ["stop"] } } } }
    ],
    [
      "replaces a probe as a whole",
      { readinessProbe: { httpGet: { path: "/", port: 1 }, periodSeconds: 1 } },
      { readinessProbe: { exec: { command: ["true"] } } },
      { readinessProbe: { exec: { command: ["true"] } } }
    ],
    [
      "may mount a volume a second time, elsewhere (W30)",
      { volumeMounts: [{ name: "v", mountPath: "/a" }] },
      { volumeMounts: [{ name: "v", mountPath: "/b" }] },
      {
        volumeMounts: [
          { name: "v", mountPath: "/a" },
          { name: "v", mountPath: "/b" }
        ]
      }
    ],
    [
      "gets no privileges",
      {},
      { securityContext: { privileged: true, allowPrivilegeEscalation: true, runAsUser: 0 } },
      { securityContext: { privileged: false, allowPrivilegeEscalation: false, runAsUser: 0 } }
    ],
    [
      "adds no capability but one, and drops what it likes",
      {},
      { securityContext: { capabilities: { add: ["SYS_ADMIN", "NET_BIND_SERVICE"], drop: ["ALL"] } } },
      { securityContext: { capabilities: { add: ["NET_BIND_SERVICE"], drop: ["ALL"] } } }
    ],
    [
      "keeps nothing of the capabilities that it may not add",
      {},
      { securityContext: { capabilities: { add: ["SYS_ADMIN"] } } },
      { securityContext: { capabilities: {} } }
    ]
  ])("%s", (_, ours, theirs, expected) => {
    assert.deepStrictEqual(merged(ours, theirs), expected)
  })

  it.each<readonly [list: string, ours: Json, theirs: Json, problem: string]>([
    ["port", { ports: [{ name: "http" }] }, { ports: [{ name: "http" }] }, 'two ports with name "http"'],
    ["variable", { env: [{ name: "A" }] }, { env: [{ name: "A" }] }, 'two env with name "A"'],
    [
      "mount",
      { volumeMounts: [{ name: "v", mountPath: "/a" }] },
      { volumeMounts: [{ name: "w", mountPath: "/a" }] },
      'two volumeMounts with mountPath "/a"'
    ],
    [
      "device",
      { volumeDevices: [{ name: "v", devicePath: "/d" }] },
      { volumeDevices: [{ name: "w", devicePath: "/d" }] },
      'two volumeDevices with devicePath "/d"'
    ]
  ])("is refused for a second %s", (_, ours, theirs, problem) => {
    assert.deepStrictEqual(problems(ours, theirs), [`container "node" has ${problem}`])
  })

  it("is refused with all its duplicates at once", () => {
    const twice = [{ name: "A" }, { name: "A" }]
    assert.deepStrictEqual(problems({}, { ports: twice, env: twice }), [
      'container "node" has two ports with name "A"',
      'container "node" has two env with name "A"'
    ])
  })

  it("may have ports without names", () => {
    const ports = [{ containerPort: 1 }, { containerPort: 2 }]
    assert.deepStrictEqual(merged({}, { ports }), { ports })
  })
})
