import type { Reporter, TestCase, TestModule } from "vitest/node"
import { assets } from "./RealServer.ts"

const servers = ["embedded", "real"] as const
type Server = (typeof servers)[number]

/** How each server did at each behaviour, by the name of the behaviour. */
type Results = ReadonlyMap<string, { readonly [server in Server]?: string }>

/** Prints the contract as a table: what was asked for, and how each server did. Other tests do not show up in it. */
export default class TableReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const results = resultsOf(modules.filter(({ moduleId }) => moduleId.includes("/test/contract/")))
    if (results.size === 0) return
    const width = Math.max(...[...results.keys()].map(({ length }) => length))
    const row = (behaviour: string, embedded: string, real: string) =>
      `${behaviour.padEnd(width)}  ${embedded.padEnd(8)}  ${real}\n`
    process.stdout.write(
      [
        "\n",
        row("behaviour", "embedded", "real"),
        ...[...results].map(([name, { embedded = "", real = "" }]) => row(name, embedded, real)),
        `\n${summary(results)}\n`
      ].join("")
    )
  }
}

const resultsOf = (modules: ReadonlyArray<TestModule>): Results => {
  const results = new Map<string, { [server in Server]?: string }>()
  for (const test of modules.flatMap(({ children }) => [...children.allTests()])) {
    const [subject = "", ...behaviour] = pathOf(test)
    const server = servers.find((name) => subject.includes(`${name} API server`))
    if (server === undefined) continue
    const name = behaviour.join(" > ")
    results.set(name, { ...results.get(name), [server]: test.result().state })
  }
  return results
}

const pathOf = (test: TestCase): ReadonlyArray<string> => {
  const path = [test.name]
  for (let above = test.parent; above.type === "suite"; above = above.parent) path.unshift(above.name)
  return path
}

const summary = (results: Results): string => {
  const shared = [...results.values()].filter(({ embedded, real }) => embedded !== undefined && real !== undefined)
  const different = shared.filter(({ embedded, real }) => embedded !== real).length
  const failed = [...results.values()].filter(({ embedded, real }) => embedded === "failed" || real === "failed").length
  return [
    `${results.size} behaviours, ${shared.length} of them asked of both servers; ${failed} failed.`,
    assets === undefined
      ? "real API server: skipped, because KUBEBUILDER_ASSETS names no folder with etcd and kube-apiserver."
      : `${shared.length} compared: ${different === 0 ? "no difference" : `${different} different`}.`
  ].join("\n")
}
