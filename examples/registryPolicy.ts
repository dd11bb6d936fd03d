import { Effect, Layer } from "effect"
import { type AddOn, PodSpecPolicies, type PodSpecReview } from "fission-executor"

/** Every container of the pods, whatever part of the spec it stands in. */
const containersOf = ({ podSpec }: PodSpecReview): ReadonlyArray<{ readonly name: string; readonly image: string }> =>
  [podSpec["initContainers"], podSpec["containers"]].flatMap((list) => (Array.isArray(list) ? list : []))

/** Denies pods with an image from anywhere but this registry. */
export const registryPolicy = (registry: string): AddOn =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const policies = yield* PodSpecPolicies
      policies.add({
        name: "registry",
        review: (pods) =>
          Effect.succeed(
            containersOf(pods)
              .filter(({ image }) => !image.startsWith(`${registry}/`))
              .map(({ image, name }) => `container ${name} has the image ${image}, which is not from ${registry}`)
          )
      })
    })
  )
