import { Effect } from "effect"
import type { Environment } from "../../../src/fission/Environment.ts"
import { Functions, Pods } from "../../../src/fission/ResourceKind.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"

/** A cluster with warm pods, `warm-1` at 10.0.0.1 and so on, and executors with provisioned concurrency. */
export interface ProvisionedWorld extends ExecutorInMemory.ExecutorInMemory {
  readonly pooled: Environment
  /** Adds warm pods with these numbers. */
  readonly warm: (...numbers: ReadonlyArray<number>) => void
  /** A function that asks for pods; it stays as it is given. */
  readonly asking: (
    provisionedConcurrency: unknown,
    spec?: { readonly [field: string]: unknown }
  ) => ReturnType<ExecutorInMemory.ExecutorInMemory["fn"]>
  /** Changes what the function asks for; null: it asks for nothing any more. */
  readonly ask: (provisionedConcurrency: unknown) => void
  /** Names of the pods that are held, of whichever generation. */
  readonly held: () => ReadonlyArray<string>
  /** What the function says of it: `<status> <reason>: <ready> of <target>, base <target>`. */
  readonly told: () => string | undefined
  /** Writes of the function's status. */
  readonly statusWrites: () => number
}

const reference = { namespace: "default", name: "hello" }

/** `warm`: pods that are there; variables of the executor beside the switch. */
export const make = (
  warm: number,
  variables: { readonly [name: string]: string } = {}
): Effect.Effect<ProvisionedWorld> =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make({ EXECUTOR_PROVISIONED_CONCURRENCY_ENABLED: "true", ...variables })
    const pooled = world.environment()
    const add = (...numbers: ReadonlyArray<number>) => {
      for (const number of numbers) world.warmPod(pooled, `warm-${number}`, `10.0.0.${number}`)
    }
    add(...Array.from({ length: warm }, (_, index) => index + 1))
    return {
      ...world,
      pooled,
      warm: add,
      asking: (provisionedConcurrency, spec = {}) =>
        world.fn({ spec: { provisionedConcurrency, idletimeout: 3600, ...spec } }),
      ask: (provisionedConcurrency) => void world.api.merge(Functions, reference, { spec: { provisionedConcurrency } }),
      held: () =>
        world.api
          .list(Pods)
          .filter(({ metadata }) => metadata.labels?.["fission.io/provisioned"] === "true")
          .map(({ metadata }) => metadata.name),
      told: () => {
        const status = JSON.parse(JSON.stringify(world.api.find(Functions, reference)?.["status"] ?? {}))
        const said = status.conditions?.find(({ type }: { readonly type: string }) => type === "Provisioned")
        if (said === undefined) return undefined
        const { provisionedReady, provisionedSpecTarget, provisionedTarget } = status
        return `${said.status} ${said.reason}: ${provisionedReady} of ${provisionedTarget}, base ${provisionedSpecTarget}`
      },
      statusWrites: () =>
        world.sent.filter(
          ({ body, resource, verb }) => verb === "patch" && resource === "functions" && "status" in body && isOfUs(body)
        ).length
    }
  })

const isOfUs = (body: { readonly [field: string]: unknown }): boolean =>
  JSON.stringify(body).includes("provisionedReady")
