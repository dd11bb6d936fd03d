import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { FissionFunction } from "../../../src/fission/Function.ts"
import { Pods } from "../../../src/fission/ResourceKind.ts"
import { listOf, objectOf } from "../../../src/podspec/Json.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, settle } from "../../fakes/ExecutorInMemory.ts"

/** The code of a function in an image. */
export const oci = (image = "registry.example.com/code/hello:v1") => ({ type: "oci", oci: { image } })

/** A cluster whose operator wants image volumes. */
export interface ImageWorld extends ExecutorInMemory.ExecutorInMemory {
  /** The pool Deployments for images, as they are stored. */
  readonly imagePools: () => ReturnType<ExecutorInMemory.ExecutorInMemory["pools"]>
  /** Gives the newest pool for an image one Ready pod, as its ReplicaSet does. */
  readonly bringUp: (name: string, address: string) => void
  /** Asks for a function's address; its pool gets a pod of that name when it is there. */
  readonly serve: (fn: FissionFunction, name: string, address: string) => ReturnType<typeof ask>
  /** Reads of Packages so far. */
  readonly packageReads: () => number
}

export const make = (variables: { readonly [name: string]: string } = {}): Effect.Effect<ImageWorld> =>
  Effect.map(ExecutorInMemory.make({ ENABLE_OCI_IMAGE_VOLUME: "true", ...variables }), (world) => {
    const imagePools = () => world.pools().filter(({ metadata }) => metadata.labels?.["ociImageHash"] !== undefined)

    const bringUp = (name: string, address: string) => {
      const template = objectOf(objectOf(imagePools().at(-1)?.["spec"])["template"])
      const spec = objectOf(template["spec"])
      world.api.put(Pods, {
        metadata: { name, namespace: "default", ...objectOf(template["metadata"]) },
        spec,
        status: {
          phase: "Running",
          podIP: address,
          containerStatuses: listOf(spec["containers"]).map((container) => ({ name: container["name"], ready: true }))
        }
      })
    }

    return {
      ...world,
      imagePools,
      bringUp,
      serve: Effect.fnUntraced(function* (fn, name, address) {
        const asked = yield* Effect.forkChild(ask(fn))
        yield* settle
        bringUp(name, address)
        yield* TestClock.adjust("1 second")
        return yield* Fiber.join(asked)
      }),
      packageReads: () => world.api.lines("get").filter((line) => line.startsWith("get packages")).length
    }
  })
