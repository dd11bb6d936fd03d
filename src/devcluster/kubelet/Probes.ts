import { get } from "node:http"
import { Effect } from "effect"
import { addressOf } from "../../fission/Address.ts"
import type { Container, HttpGet, Probe } from "./PodObject.ts"

/** One request; true for a status from 200 to 399 within the time. Each has a connection of its own. */
const ask = (url: string, timeoutSeconds: number): Effect.Effect<boolean> =>
  Effect.callback<boolean>((resume) => {
    const request = get(url, { agent: false, headers: { "user-agent": "kube-probe/1.36" } }, (response) => {
      const { statusCode = 0 } = response
      response.on("error", () => {}).resume()
      resume(Effect.succeed(statusCode >= 200 && statusCode < 400))
    })
    request.on("error", () => resume(Effect.succeed(false)))
    return Effect.sync(() => request.destroy())
  }).pipe(Effect.timeoutOrElse({ duration: `${timeoutSeconds} seconds`, orElse: () => Effect.succeed(false) }))

const urlOf = ({ host, path, port }: HttpGet, address: string, { ports }: Container): string => {
  const named = typeof port === "number" ? port : ports?.find(({ name }) => name === port)?.containerPort
  return `http://${addressOf(host ?? address, named ?? Number(port))}/${(path ?? "").replace(/^\//u, "")}`
}

/**
 * Probes a container until interrupted: first after its initial delay, then once a period. `onVerdict` is told of each
 * result that has repeated itself as often as its threshold asks for. A probe without `httpGet` succeeds.
 */
export const runProbe = (
  probe: Probe,
  container: Container,
  address: string,
  onVerdict: (isSuccess: boolean) => Effect.Effect<void>
): Effect.Effect<never> =>
  Effect.gen(function* () {
    const { httpGet } = probe
    const thresholds = { success: probe.successThreshold ?? 1, failure: probe.failureThreshold ?? 3 }
    const attempt = httpGet ? ask(urlOf(httpGet, address, container), probe.timeoutSeconds ?? 1) : Effect.succeed(true)
    let last: boolean | undefined
    let inRow = 0
    yield* Effect.sleep(`${probe.initialDelaySeconds ?? 0} seconds`)
    while (true) {
      const result = yield* attempt
      inRow = result === last ? inRow + 1 : 1
      last = result
      if (inRow >= (result ? thresholds.success : thresholds.failure)) yield* onVerdict(result)
      yield* Effect.sleep(`${probe.periodSeconds ?? 10} seconds`)
    }
  })
