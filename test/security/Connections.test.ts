import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"

const src = fileURLToPath(new URL("../../src", import.meta.url))

/** Modules that can open a connection, and the one function of Node that can. `createServer` and types cannot. */
const opens =
  /from "(undici|node:(net|tls|dgram|http2))"|import \{[^}]*\b(request|get|Agent)\b[^}]*\} from "node:https?"|\bfetch\(|HttpClient/u

it("nothing in the executor opens a connection but to the API server, fetchers, other replicas and the collector of telemetry", () => {
  const files = globSync("**/*.ts", { cwd: src }).filter((file) => !/^(devcluster|cli\/(demo|orphans))\//u.test(file))
  assert.deepStrictEqual(files.filter((file) => opens.test(readFileSync(`${src}/${file}`, "utf8"))).sort(), [
    "api/Forwarding.ts",
    "api/LeaderTaps.ts",
    "kubernetes/Transport.ts",
    // It refuses calls, and makes none.
    "kubernetes/WriteFence.ts",
    // Only where OTEL_* variables name a collector.
    "observability/Telemetry.ts",
    "specialization/PodRequests.ts"
  ])
})
