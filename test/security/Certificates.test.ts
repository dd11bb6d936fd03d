import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Pods } from "../../src/fission/ResourceKind.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"

const canRun = (program: string): boolean => {
  try {
    execFileSync(program, ["version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** An authority, and certificates of it for 127.0.0.1 that are valid, and that expired yesterday. */
const makeCertificates = (folder: string) => {
  const openssl = (...parameters: ReadonlyArray<string>) =>
    execFileSync("openssl", parameters, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] })
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test", "-days", "30")
  writeFileSync(join(folder, "names"), "subjectAltName=IP:127.0.0.1")
  const sign = (name: string, ...validity: ReadonlyArray<string>) => {
    openssl("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`)
    const authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"]
    openssl("x509", "-req", "-in", `${name}.csr`, ...authority, "-extfile", "names", "-out", `${name}.crt`, ...validity)
    const read = (extension: string) => readFileSync(join(folder, `${name}.${extension}`), "utf8")
    return { key: read("key"), cert: read("crt") }
  }
  return {
    ca: readFileSync(join(folder, "ca.crt")),
    valid: sign("valid", "-days", "30"),
    expired: sign("expired", "-days", "-1"),
    user: sign("user", "-days", "30")
  }
}

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "certificates-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

/** An API server that has one pod, and whose certificate can be changed. It wants a certificate from its clients. */
const serve = (ca: Buffer, first: { readonly key: string; readonly cert: string }) =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer(
        { ...first, ca, requestCert: true, rejectUnauthorized: false },
        (request, response) => {
          const { socket } = request
          const isKnown = "authorized" in socket && socket.authorized === true
          response.writeHead(isKnown ? 200 : 401, { connection: "close" })
          response.end(JSON.stringify(isKnown ? { metadata: { name: "pod" } } : { kind: "Status", status: "Failure" }))
        }
      )
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )

describe.skipIf(!canRun("openssl"))("a certificate that expires", () => {
  it.live("of the API server is an error that says so, and heals with the next one", () =>
    Effect.gen(function* () {
      const { ca, expired, user, valid } = makeCertificates(yield* temporaryFolder)
      const server = yield* serve(ca, expired)
      const { get } = yield* clientOf(server, ca, () => user)
      const error = yield* Effect.flip(get)
      assert.strictEqual(error._tag, "KubernetesFatalError")
      assert.include(error.message, "CERT_HAS_EXPIRED: certificate has expired")
      server.setSecureContext({ ...valid, ca })
      assert.strictEqual((yield* get).metadata.name, "pod")
    })
  )

  it.live("of ours is read anew at once when the server does not take it any more", () =>
    Effect.gen(function* () {
      const { ca, expired, user, valid } = makeCertificates(yield* temporaryFolder)
      const server = yield* serve(ca, valid)
      let mine = expired
      const { get } = yield* clientOf(server, ca, () => mine)
      const error = yield* Effect.flip(get)
      assert.deepInclude(error, { _tag: "KubernetesTimeoutError", status: 401 })
      mine = user
      assert.strictEqual((yield* get).metadata.name, "pod")
    })
  )
})

/** A client with a kubeconfig that is made anew each time it is read. */
const clientOf = (
  server: ReturnType<typeof createServer>,
  ca: Buffer,
  mine: () => { readonly key: string; readonly cert: string }
) =>
  Effect.gen(function* () {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const folder = yield* temporaryFolder
    const base64 = (text: string | Buffer) => Buffer.from(text).toString("base64")
    const source = Effect.suspend(() => {
      const { cert, key } = mine()
      const file = join(folder, "kubeconfig")
      writeFileSync(
        file,
        JSON.stringify({
          clusters: [
            { name: "c", cluster: { server: `https://127.0.0.1:${port}`, "certificate-authority-data": base64(ca) } }
          ],
          users: [{ name: "u", user: { "client-certificate-data": base64(cert), "client-key-data": base64(key) } }],
          contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
          "current-context": "x"
        })
      )
      return Credentials.fromFile(file)
    })
    const context = yield* Layer.build(KubernetesApiLive.layer(source, "test"))
    const api = Context.get(context, KubernetesApi)
    return { get: api.get(Pods, { namespace: "default", name: "pod" }) }
  })
