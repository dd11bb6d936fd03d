import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { cpuTime } from "../../../src/devcluster/kubelet/CpuTime.ts"

it.live("is what the kernel says of a process, in milliseconds", () =>
  Effect.gen(function* () {
    const { system, user } = process.cpuUsage()
    const known = (system + user) / 1000
    const read = yield* Effect.promise(() => cpuTime(process.pid))
    assert.isAtLeast(read, known - 50)
    assert.isAbove(known, 50)
  })
)

it.live("is 0 for a process that is gone", () =>
  Effect.map(
    Effect.promise(() => cpuTime(2 ** 22 + 1)),
    (time) => assert.strictEqual(time, 0)
  )
)
