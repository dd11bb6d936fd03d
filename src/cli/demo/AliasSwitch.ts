import { Console, Duration, Effect } from "effect"
import { Router } from "../../devcluster/Router.ts"
import { FunctionAliases, FunctionVersions } from "../../fission/ResourceKind.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import * as Functions from "./Functions.ts"
import { countsRow, millis, show, until } from "./Report.ts"
import * as Traffic from "./Traffic.ts"

const alias = "prod"
const name = "release"

/**
 * A function is published twice, and an alias switched to the new version and back, while users call the alias: no
 * request may fail, and the way back needs no new pod.
 */
export const switchAlias = (namespace: string) =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const { url } = yield* Router
    yield* Console.log(
      `\n  ${name} has two versions, and the alias ${alias} is switched from one to the other and back\n`
    )

    const isPublished = (version: string) =>
      Effect.map(api.list(FunctionVersions, { namespace }), ({ items }) =>
        items.some(({ metadata }) => metadata.name === version)
      )
    const published = (version: string) => until(isPublished(version), Duration.seconds(30))
    const lead = (version: string) =>
      api.patch(FunctionAliases, { namespace, name: alias }, { type: "merge", body: { spec: { version } } })
    /** How long it takes until the alias answers with this text. */
    const answers = (text: string) =>
      until(
        Effect.map(Traffic.call(url, namespace, `${name}:${alias}`), ({ body }) => body === text),
        Duration.seconds(30)
      )
    const switchTo = (version: string, text: string) => Effect.andThen(lead(version), answers(text))

    yield* Functions.createFunction(namespace, name, "first\n", { versioning: { mode: "auto" }, idletimeout: 3600 })
    yield* published(`${name}-v1`)
    yield* api.create(FunctionAliases, {
      metadata: { namespace, name: alias },
      spec: { functionName: name, version: `${name}-v1` }
    })
    yield* answers("first\n")
    yield* Functions.changeFunction(namespace, name, "second\n")
    yield* published(`${name}-v2`)

    return yield* Effect.scoped(
      Effect.gen(function* () {
        const counts = yield* Effect.forEach(Array.from({ length: 5 }), () =>
          Traffic.keepCalling(url, namespace, `${name}:${alias}`)
        )
        yield* Effect.sleep("1 second")
        const there = yield* switchTo(`${name}-v2`, "second\n")
        yield* Effect.sleep("1 second")
        const back = yield* switchTo(`${name}-v1`, "first\n")
        yield* Effect.sleep("1 second")
        return [
          yield* show({
            step: "the new version answers, and after the switch back the old one",
            seen: [there, back].map((took) => (took === undefined ? "never" : `after ${millis(took)}`)).join(", "),
            asPromised: there !== undefined && back !== undefined
          }),
          yield* countsRow("requests to the alias meanwhile", counts)
        ]
      })
    )
  })
