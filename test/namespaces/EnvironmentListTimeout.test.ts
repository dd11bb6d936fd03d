import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import { Environments } from "../../src/fission/ResourceKind.ts"
import * as Cells from "../fakes/Cells.ts"
import {
  connectionReset,
  etcdTimeout,
  type Failure,
  forbidden,
  gatewayTimeout,
  tooManyRequests
} from "../fakes/Failures.ts"

const environment = (namespace: string, name: string, poolsize = 3) => ({
  metadata: { namespace, name },
  spec: { version: 3, runtime: { image: "node" }, poolsize }
})

/** The five ways in which the list of environments fails, one after the other; then it fails no more. */
const troubles: ReadonlyArray<Failure | "hangs"> = [
  etcdTimeout,
  gatewayTimeout,
  tooManyRequests(7),
  connectionReset,
  "hangs"
]

const inTrouble = Effect.gen(function* () {
  const cells = yield* Cells.make(["team-a", "team-b", "team-c"])
  for (const namespace of ["team-a", "team-b", "team-c"]) {
    cells.api.put(Environments, environment(namespace, "node"))
  }
  let attempts = 0
  cells.api.intercept((call) => {
    if (call.verb !== "list" || call.resource !== "environments" || call.namespace !== "team-a") return undefined
    const trouble = troubles[attempts++]
    if (trouble === undefined) return undefined
    return trouble === "hangs" ? Effect.never : Effect.fail(trouble(call))
  })
  const attemptsAt = () =>
    cells.api.calls
      .filter((call) => call.verb === "list" && call.resource === "environments" && call.namespace === "team-a")
      .map((call) => call.at)
  const health = (namespace: string) => cells.supervisor.cell(namespace)?.health()
  return { ...cells, attemptsAt, health }
})

describe("etcd is slow when Environments are listed", () => {
  it.effect("the process lives, the other namespaces work on, and the namespace heals without a restart", () =>
    Effect.gen(function* () {
      const { api, attemptsAt, handled, health, log, recording, start, supervisor } = yield* inTrouble
      const process = yield* start(recording)

      // The first list has failed; everybody else has synced.
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual(handled.toSorted(), ["team-b/node", "team-c/node"])
      assert.strictEqual(health("team-b")?.state, "Healthy")
      assert.strictEqual(health("team-c")?.state, "Healthy")
      assert.deepInclude(health("team-a"), {
        state: "BackingOff",
        reason: "environments: list environments team-a: etcdserver: request timed out (HTTP 500) [Etcd]"
      })
      assert.isFalse(supervisor.cell("team-a")?.view.environments.isSynced())

      // In the middle of it the others are told of every change at once, and team-a stays as it is.
      yield* TestClock.adjust("20 seconds")
      api.put(Environments, environment("team-b", "python"))
      api.merge(Environments, { namespace: "team-c", name: "node" }, { spec: { poolsize: 5 } })
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(handled.slice(2), ["team-b/python", "team-c/node"])
      assert.strictEqual(health("team-a")?.state, "BackingOff")

      // The fifth attempt hangs until its deadline; the sixth is answered.
      yield* TestClock.adjust("90 seconds")
      assert.strictEqual(health("team-a")?.state, "Healthy")
      assert.strictEqual(attemptsAt().length, 6)
      assert.deepStrictEqual(handled.slice(4), ["team-a/node"])
      assert.deepStrictEqual(
        log.lines.filter((line) => line.level === "Error" || line.level === "Fatal"),
        []
      )
      assert.isUndefined(process.pollUnsafe(), "the process ended")
    }).pipe(Random.withSeed("etcd is slow"))
  )

  it.effect("the list is tried again after exactly these delays, as long as the server asks and later each time", () =>
    Effect.gen(function* () {
      const { attemptsAt, log, recording, start } = yield* inTrouble
      yield* start(recording)
      yield* TestClock.adjust("2 minutes")

      const [first = 0, ...others] = attemptsAt()
      const hangs = 30_500
      assert.deepStrictEqual(others, [
        first + 779,
        first + 779 + 1081,
        first + 779 + 1081 + 7000,
        first + 779 + 1081 + 7000 + 159,
        first + 779 + 1081 + 7000 + 159 + hangs + 761
      ])
      assert.deepStrictEqual(
        log.of("team-a", "Warn", "Debug").flatMap((line) => line.fields["nextAttemptIn"] ?? []),
        ["779ms", "1s 81ms", "7s", "159ms", "761ms"]
      )
    }).pipe(Random.withSeed("etcd is slow"))
  )

  it.effect("an operator reads one warning, and later how long it took", () =>
    Effect.gen(function* () {
      const { log, recording, start } = yield* inTrouble
      yield* start(recording)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(log.of("team-a", "Info", "Warn", "Error"), [
        {
          level: "Warn",
          message: "list or watch failed and is tried again",
          fields: {
            logger: "namespace",
            namespace: "team-a",
            resource: "environments",
            error: "KubernetesTimeoutError",
            verb: "list",
            class: "TimeoutError.Etcd",
            kind: "Etcd",
            elapsedMs: 0,
            detail: "list environments team-a: etcdserver: request timed out (HTTP 500) [Etcd]",
            failures: 1,
            nextAttemptIn: "779ms"
          }
        },
        {
          level: "Warn",
          message: "namespace backs off; nothing in it is deleted, cached addresses still answer",
          fields: {
            logger: "namespace",
            namespace: "team-a",
            state: "BackingOff",
            previousState: "Starting",
            previousStateFor: "49ms",
            reason: "environments: list environments team-a: etcdserver: request timed out (HTTP 500) [Etcd]"
          }
        },
        {
          level: "Info",
          message: "list and watch work again",
          fields: { logger: "namespace", namespace: "team-a", resource: "environments", failedFor: "40s 280ms" }
        },
        {
          level: "Info",
          message: "namespace is healthy",
          fields: {
            logger: "namespace",
            namespace: "team-a",
            state: "Healthy",
            previousState: "BackingOff",
            previousStateFor: "40s 280ms"
          }
        }
      ])
      assert.deepStrictEqual(
        log.of("team-a", "Debug").map((line) => `${String(line.fields["failures"])}: ${String(line.fields["detail"])}`),
        [
          "2: list environments team-a: Timeout: request did not complete within requested timeout - context deadline exceeded (HTTP 504) [Deadline]",
          "3: list environments team-a: Too many requests, please try again later. (HTTP 429) [Throttled]",
          "4: list environments team-a: ECONNRESET: read ECONNRESET [Connection]",
          "5: list environments team-a: no answer within 30s [Deadline]"
        ]
      )
      assert.deepStrictEqual(log.of("team-b", "Warn", "Error"), [])
    }).pipe(Random.withSeed("etcd is slow"))
  )

  it.effect("a synced namespace keeps its view and works from it while its environments cannot be listed again", () =>
    Effect.gen(function* () {
      const cells = yield* Cells.make(["team-a"])
      cells.api.put(Environments, environment("team-a", "node"))
      yield* cells.start(cells.recording)
      yield* TestClock.adjust("1 second")
      cells.api.intercept((call) => Effect.fail(etcdTimeout(call)))
      for (const watch of cells.api.watches()) watch.fail(connectionReset)
      yield* TestClock.adjust("149 seconds")
      const cell = cells.supervisor.cell("team-a")
      assert.strictEqual(cell?.health().state, "Healthy")
      cell?.enqueue({ handler: "record", name: "by hand" })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(cell?.health().state, "Stale")
      assert.isDefined(cell?.view.environments.get("team-a", "node"))
      assert.include(cells.handled, "team-a/by hand")
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(cell?.health().state, "BackingOff")

      cells.api.intercept()
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(cell?.health().state, "Healthy")
      const warnings = cells.log.of("team-a", "Warn").map((line) => line.message)
      assert.deepStrictEqual(warnings, [
        "list or watch failed and is tried again",
        "namespace is stale; warm traffic and cold starts from the view go on",
        "namespace backs off; nothing in it is deleted, cached addresses still answer"
      ])
    }).pipe(Random.withSeed("etcd is slow"))
  )
})

describe("a namespace where environments may not be listed", () => {
  it.effect("is blocked once the refusal has outlasted a warm-up, and tried every five minutes ± 20 %", () =>
    Effect.gen(function* () {
      const { api, health, log, recording, start, supervisor } = yield* Cells.make(["team-a", "team-b"]).pipe(
        Effect.map((cells) => ({
          ...cells,
          health: (namespace: string) => cells.supervisor.cell(namespace)?.health()
        }))
      )
      api.intercept((call) =>
        call.resource === "environments" && call.namespace === "team-a" ? Effect.fail(forbidden(call)) : undefined
      )
      const process = yield* start(recording)
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(health("team-a")?.state, "BackingOff")
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(health("team-a")?.state, "Blocked")
      assert.include(health("team-a")?.reason ?? "", "grant this right to the executor's service account")
      assert.strictEqual(health("team-b")?.state, "Healthy")

      const before = api.lines("list").length
      yield* TestClock.adjust("1 hour")
      const tried = api.lines("list").length - before
      assert.isTrue(tried >= 10 && tried <= 15, `tried ${tried} times in an hour`)
      assert.strictEqual(health("team-a")?.state, "Blocked")
      const errors = log.of("team-a", "Error")
      assert.deepStrictEqual(
        errors.map((line) => line.message),
        [
          "list or watch is refused and tried again slowly",
          "namespace is blocked; cached addresses still answer, everything else waits for rights or CRDs"
        ]
      )
      assert.match(String(errors[0]?.fields["nextAttemptIn"]), /^[456]m/u)

      api.intercept()
      yield* TestClock.adjust("6 minutes")
      assert.strictEqual(health("team-a")?.state, "Healthy")
      assert.isTrue(supervisor.cell("team-a")?.view.environments.isSynced())
      assert.isUndefined(process.pollUnsafe())
    }).pipe(Random.withSeed("forbidden"))
  )
})

describe("a bug in a handler", () => {
  it.effect("restarts only its own cell, and no other work is lost", () =>
    Effect.gen(function* () {
      const { api, handled, log, recording, start } = yield* Cells.make(["team-a", "team-b"])
      let bugs = 2
      const process = yield* start({
        ...recording,
        work: {
          record: (view, name) =>
            view.namespace === "team-a" && name === "broken" && bugs-- > 0
              ? Effect.die(new Error("a bug"))
              : (recording.work["record"]?.(view, name) ?? Effect.void)
        }
      })
      yield* TestClock.adjust("1 second")
      for (const name of ["broken", "node", "python"]) api.put(Environments, environment("team-a", name))
      api.put(Environments, environment("team-b", "node"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(handled.toSorted(), ["team-a/broken", "team-a/node", "team-a/python", "team-b/node"])
      const deaths = log.lines.filter((line) => line.level === "Error")
      assert.deepStrictEqual(
        deaths.map((line) => [line.message, line.fields["namespace"], line.fields["nextAttemptIn"]]),
        [
          ["namespace cell died of a bug and is restarted; other namespaces are not affected", "team-a", "1s"],
          ["namespace cell died of a bug and is restarted; other namespaces are not affected", "team-a", "2s"]
        ]
      )
      assert.isUndefined(process.pollUnsafe())
    }).pipe(Random.withSeed("a bug"))
  )
})
