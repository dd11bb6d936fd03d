import { Console, Effect } from "effect"
import { Prompt } from "effect/cli"
import { isOwnedBy } from "../../executors/TakenNames.ts"
import { labels } from "../../fission/Labels.ts"
import { keyOf } from "../../fission/ObjectMeta.ts"
import { Environments, Functions } from "../../fission/ResourceKind.ts"
import { KubernetesDeletion, type KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import { refuse } from "../Refusal.ts"
import { nameFor } from "./Adoption.ts"
import {
  find,
  findTarget,
  isOfExecutor,
  lookForOwner,
  refuseToAct,
  resourceKinds,
  type Target,
  titleOf
} from "./Target.ts"

const wrongUsage = 2

/** Why an object without our labels is in the way: it has the name of one of the owner's. Anything else is refused. */
const nameInTheWay = Effect.fnUntraced(function* (target: Target, live: KubernetesObject) {
  const { owner } = target
  if (owner === undefined) {
    const hint = "say with --function or --environment whose name it has"
    return yield* refuseToAct(`${titleOf(target)} has no label of the executor; ${hint}`)
  }
  const kind = owner.kind === "Function" ? Functions : Environments
  const found = yield* find(kind, owner)
  if (found === undefined) return yield* refuseToAct(`${titleOf(owner)} does not exist`)
  const uidLabel = owner.kind === "Function" ? labels.functionUid : labels.environmentUid
  if (isOwnedBy(live, uidLabel, found.metadata.uid)) {
    return yield* refuseToAct(`${titleOf(target)} belongs to ${titleOf(owner)}, which exists; adopt it instead`)
  }
  const owners =
    owner.kind === "Function"
      ? { fn: yield* Effect.fromResult(Functions.decode(found)) }
      : { environment: yield* Effect.fromResult(Environments.decode(found)) }
  const name = nameFor(target.kind, live, owners)
  const isIt = owner.kind === "Function" ? target.name === name : name !== undefined && target.name.startsWith(name)
  if (!isIt) return yield* refuseToAct(`${titleOf(target)} is in nobody's way: ${titleOf(owner)} uses no such name`)
  return `it has the name that one of ${titleOf(owner)} should have, and no label of the executor`
})

/** Why the object may go; ends the command when it has an owner that lives, or when that cannot be found out. */
const reasonFor = Effect.fnUntraced(function* (target: Target) {
  const live = yield* findTarget(target)
  if (!isOfExecutor(live)) return { live, reason: yield* nameInTheWay(target, live) }
  const reason = yield* lookForOwner(target.kind, live)
  if (reason !== undefined) return { live, reason }
  return yield* refuseToAct(`${titleOf(target)} has an owner that exists; delete that one instead`)
})

const describe = ({ kind, ...target }: Target, { metadata }: KubernetesObject, reason: string): string =>
  [
    `${kind} ${keyOf(target)}`,
    `  UID      ${metadata.uid ?? ""}`,
    `  created  ${metadata.creationTimestamp ?? "at an unknown time"}`,
    `  labels   ${Object.entries(metadata.labels ?? {})
      .map(([label, value]) => `${label}=${value}`)
      .join(", ")}`,
    `  orphan   ${reason}`
  ].join("\n")

const confirmed = Effect.gen(function* () {
  if (!process.stdin.isTTY) {
    return yield* refuse("there is nobody to ask: say --yes to delete without a question", wrongUsage)
  }
  const answer = Prompt.run(Prompt.Confirm({ message: "Delete it?" }))
  return yield* Effect.catchTag(answer, "QuitError", () => Effect.succeed(false))
})

/**
 * Deletes exactly the object that it has shown, and what that owns, after a question unless told not to ask. Refuses one
 * whose owner lives: looked at live, once more after the answer.
 */
export const deleteOrphan = Effect.fnUntraced(function* (target: Target, isAgreed: boolean) {
  const { live, reason } = yield* reasonFor(target)
  yield* Console.log(describe(target, live, reason))
  if (!isAgreed) {
    if (!(yield* confirmed)) return yield* refuseToAct("nothing was deleted")
    yield* reasonFor(target)
  }
  const title = titleOf(target)
  const uid = live.metadata.uid ?? ""
  yield* KubernetesDeletion.use((deletion) =>
    deletion.delete(resourceKinds[target.kind], target, { uid, propagationPolicy: "Background" })
  ).pipe(
    Effect.catchTag("KubernetesNotFound", () => Effect.void),
    Effect.catchTag("KubernetesConflict", () => refuseToAct(`${title} is another one by now; nothing was deleted`))
  )
  yield* Console.log(`${title} deleted`)
})
