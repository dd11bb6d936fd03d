import { readdirSync, readFileSync } from "node:fs"
import { Effect } from "effect"
import { type Fault, type FaultAction, Faults } from "../../../src/devcluster/Faults.ts"
import type { Scenario } from "./Scenario.ts"
import * as Workload from "./Workload.ts"

const client = "fission-executor/"
/** The namespace that is hit where only one is. */
const hit = Workload.namespaces[3] ?? ""

type Conditions = Omit<Fault, "action" | "client">

const inject = (action: FaultAction, conditions: Conditions = {}) =>
  Faults.use((faults) => faults.inject({ client, ...conditions, action }))

/** What is open now is hit, and nothing that is opened afterwards. */
const hitOpenWatches = (type: "dropWatch" | "endWatch" | "expireWatch") =>
  Faults.use((faults) => Effect.flatMap(inject({ type }), faults.lift))

const liftAll = () => Faults.use((faults) => faults.liftAll)

/** Answers the server with these, one after the other. */
const inTurn = (...actions: ReadonlyArray<readonly [action: FaultAction, seconds: number]>) =>
  Effect.forEach(actions, ([action, seconds]) =>
    Effect.andThen(inject(action, { seconds }), Effect.sleep(`${seconds} seconds`))
  )

const restart = (how: "dropWatch" | "endWatch") => () =>
  Effect.gen(function* () {
    // Requests meet the fault that was put in force first.
    yield* Effect.forkScoped(
      inTurn(
        [{ type: "reset" }, 6],
        [{ type: "error", preset: "unauthorized" }, 1],
        [{ type: "error", preset: "forbidden" }, 1]
      )
    )
    yield* hitOpenWatches(how)
  })

/** A list that is complete and empty, as of a version that everybody accepts. */
const emptyList: FaultAction = {
  type: "answer",
  status: 200,
  body: JSON.stringify({
    kind: "FunctionList",
    apiVersion: "fission.io/v1",
    metadata: { resourceVersion: "1" },
    items: []
  })
}

const timeout: FaultAction = { type: "error", preset: "timeout" }
const etcdTimeout: FaultAction = { type: "error", preset: "etcdTimeout" }

/** The faults that somebody may meet in production, as long as they last there. */
export const faults: ReadonlyArray<Scenario<Faults>> = [
  { fault: "etcd frozen", lasts: "60 seconds", begin: () => inject({ type: "hang" }), end: liftAll },
  { fault: "etcd killed", lasts: "30 seconds", begin: () => inject(timeout), end: liftAll },
  {
    fault: "etcd without quorum",
    lasts: "30 seconds",
    begin: () =>
      Effect.gen(function* () {
        for (const verb of ["list", "watch"] as const) {
          yield* inject({ type: "error", preset: "tooManyRequests", retryAfterSeconds: 1 }, { verb })
        }
        yield* inject(etcdTimeout)
        yield* hitOpenWatches("expireWatch")
      }),
    end: liftAll
  },
  { fault: "API server stopped by SIGTERM and started", lasts: "8 seconds", begin: restart("endWatch"), end: liftAll },
  { fault: "API server killed and started", lasts: "8 seconds", begin: restart("dropWatch"), end: liftAll },
  { fault: "half-open connections", lasts: "30 seconds", begin: () => inject({ type: "silence" }), end: liftAll },
  {
    fault: "answers cut short",
    lasts: "10 seconds",
    begin: () => Effect.andThen(inject({ type: "cut" }), hitOpenWatches("dropWatch")),
    end: liftAll
  },
  {
    fault: "429 with Retry-After",
    lasts: "20 seconds",
    begin: () =>
      Effect.andThen(
        inject({ type: "error", preset: "tooManyRequests", retryAfterSeconds: 2 }),
        hitOpenWatches("dropWatch")
      ),
    end: liftAll
  },
  {
    fault: "history compacted every 2 s",
    lasts: "20 seconds",
    begin: () =>
      Effect.forkScoped(Effect.forever(Effect.andThen(hitOpenWatches("expireWatch"), Effect.sleep("2 seconds")))),
    end: liftAll
  },
  {
    fault: "rights withdrawn",
    lasts: "8 seconds",
    begin: () => Effect.andThen(inject({ type: "error", preset: "forbidden" }), hitOpenWatches("dropWatch")),
    end: liftAll
  },
  {
    fault: "a replica that lacks every Function, by list and by GET",
    lasts: "15 seconds",
    begin: () =>
      Effect.gen(function* () {
        yield* inject(emptyList, { verb: "list", resource: "functions" })
        yield* inject(recordedAnswer("not-found-object.json"), { verb: "get", resource: "functions" })
        yield* hitOpenWatches("expireWatch")
      }),
    end: () => Effect.andThen(liftAll(), hitOpenWatches("expireWatch"))
  },
  {
    fault: "writes applied and answered 504",
    lasts: "15 seconds",
    begin: () => inject({ type: "applyThenError", preset: "timeout" }),
    end: liftAll
  },
  {
    fault: "one GET and one PATCH answered 500 while watches break",
    lasts: "5 seconds",
    begin: () =>
      Effect.gen(function* () {
        yield* inject(etcdTimeout, { verb: "get", count: 1 })
        yield* inject(etcdTimeout, { verb: "patch", resource: "pods", count: 1 })
        yield* hitOpenWatches("dropWatch")
      }),
    end: liftAll
  },
  {
    fault: "patches of pods failing",
    lasts: "30 seconds",
    begin: () => inject(etcdTimeout, { verb: "patch", resource: "pods" }),
    end: liftAll
  },
  {
    fault: "one namespace of ten failing",
    lasts: "60 seconds",
    only: hit,
    begin: () => Effect.andThen(inject(etcdTimeout, { namespace: hit }), hitOpenWatches("dropWatch")),
    end: liftAll
  },
  {
    fault: "start while the API is away",
    lasts: "20 seconds",
    isStart: true,
    begin: (subject) => Effect.andThen(Effect.andThen(subject.kill, inject({ type: "reset" })), subject.start),
    end: liftAll
  },
  {
    fault: "the API goes away in the middle of adoption",
    lasts: "20 seconds",
    isStart: true,
    begin: (subject) =>
      Effect.gen(function* () {
        yield* subject.kill
        yield* inject({ type: "delay", milliseconds: 300 }, { verb: "list", share: 0.5, seconds: 3 })
        yield* subject.start
        yield* inject({ type: "reset" })
        yield* hitOpenWatches("dropWatch")
      }),
    end: liftAll
  },
  {
    fault: "adoption cannot list the pods of one namespace",
    lasts: "20 seconds",
    isStart: true,
    only: hit,
    begin: (subject) =>
      Effect.andThen(
        Effect.andThen(subject.kill, inject(timeout, { verb: "list", resource: "pods", namespace: hit })),
        subject.start
      ),
    end: liftAll,
    resumesWithin: "30 seconds"
  }
]

interface Recording {
  readonly case: string
  readonly request: { readonly method?: string; readonly path?: string }
  readonly response?: {
    readonly status: number
    readonly headers: { readonly [name: string]: string }
    readonly body: unknown
  } | null
}

const folder = new URL("../../data/apiserver-faults/", import.meta.url)

const recording = (file: string): Recording => JSON.parse(readFileSync(new URL(file, folder), "utf8"))

const recordedAnswer = (file: string): FaultAction => answerOf(recording(file)) ?? { type: "reset" }

const answerOf = ({ response }: Recording): Extract<FaultAction, { type: "answer" }> | undefined => {
  if (response === undefined || response === null || response.body === undefined) return undefined
  const { "content-type": contentType = "text/plain", "retry-after": retryAfter } = response.headers
  return {
    type: "answer",
    status: response.status,
    headers: { "content-type": contentType, ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }) },
    body: typeof response.body === "string" ? response.body : JSON.stringify(response.body)
  }
}

const verbs: { readonly [method: string]: ReadonlyArray<"get" | "list" | "watch" | "patch"> } = {
  GET: ["get", "list", "watch"],
  PATCH: ["patch"]
}
/** Said of requests that the executor does not make: malformed ones, and objects that no server lists under that name. */
const neverOurs = new Set([400, 405, 413, 415, 422])

/** Each class of recorded answers to reads and to the patches that claims are, given to every such call for 3 s. */
export const recordedAnswers: ReadonlyArray<Scenario<Faults>> = (() => {
  const classes = new Map<string, { readonly recordings: Array<Recording>; readonly method: string }>()
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    const recorded = recording(file)
    const { method = "" } = recorded.request ?? {}
    const answer = answerOf(recorded)
    if (answer === undefined || answer.status < 400 || neverOurs.has(answer.status) || !(method in verbs)) continue
    const reason = /"reason":"(\w+)"/u.exec(answer.body)?.[1] ?? "as text"
    const name = `${method} answered ${answer.status} ${reason}`
    const known = classes.get(name) ?? { recordings: [], method }
    known.recordings.push(recorded)
    classes.set(name, known)
  }
  return [...classes].map(([name, { method, recordings }]) => ({
    fault: `${name} (${recordings.length} recorded)`,
    lasts: "3 seconds",
    begin: () =>
      Effect.gen(function* () {
        const [first] = recordings
        const action = first && answerOf(first)
        if (action === undefined) return
        for (const verb of verbs[method] ?? []) yield* inject(action, { verb })
        yield* hitOpenWatches("dropWatch")
      }),
    end: liftAll
  }))
})()

/** One of twenty short outages in a row. */
export const shortOutage: Scenario<Faults> = {
  fault: "the API away for 3 s",
  lasts: "3 seconds",
  begin: () => Effect.andThen(inject({ type: "reset" }), hitOpenWatches("dropWatch")),
  end: liftAll
}

/** Everything that the embedded cluster does to the executor. */
export const all = [...faults, ...recordedAnswers, shortOutage]
