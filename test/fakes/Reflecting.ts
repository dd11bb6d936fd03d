import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Environment } from "../../src/fission/Environment.ts"
import { Environments } from "../../src/fission/ResourceKind.ts"
import * as Reflector from "../../src/kubernetes/Reflector.ts"
import type { Change } from "../../src/kubernetes/Store.ts"
import * as KubernetesApiInMemory from "./KubernetesApiInMemory.ts"

/** Where everything lives that a reflector under test sees. */
export const namespace = "team-a"
/** An Environment as a test writes it down. */
export const environment = (name: string, poolsize = 3) => ({
  metadata: { namespace, name },
  spec: { version: 3, runtime: {}, poolsize }
})

/** A reflector that runs, and what it tells. */
export const reflecting = (onChange: (change: Change<Environment>) => void = () => {}) =>
  Effect.gen(function* () {
    const changes: Array<string> = []
    const statuses: Array<Reflector.ReflectorStatus> = []
    const reflector = yield* Reflector.make({
      kind: Environments,
      namespace,
      onChange: (change) => {
        changes.push(`${change.type} ${change.object.metadata.name}`)
        onChange(change)
      },
      onStatus: (status) => Effect.sync(() => void statuses.push(status))
    })
    const fiber = yield* Effect.forkScoped(reflector.run)
    return { reflector, changes, statuses, fiber }
  })

/** An API in memory, and a reflector over it that is yet to be started. */
export const inMemory = Effect.gen(function* () {
  const memory = yield* KubernetesApiInMemory.make({ namespaces: [namespace] })
  return {
    memory,
    start: (onChange?: (change: Change<Environment>) => void) => reflecting(onChange).pipe(Effect.provide(memory.layer))
  }
})

/** Lets seconds pass one by one, so that what happens in one is done with before the next. */
export const seconds = (count: number) => Effect.repeat(TestClock.adjust("1 second"), { times: count - 1 })
