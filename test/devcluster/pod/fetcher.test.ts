import { createHash } from "node:crypto"
import { once } from "node:events"
import { readdir, readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type ChannelKey, channelKey, signedHeaders } from "../../../src/fission/RequestSignature.ts"
import { writeLayout } from "../../fakes/OciLayout.ts"
import {
  literal,
  packageOf,
  packagePath,
  specializeRequest,
  startPod,
  startProgram,
  startStub,
  temporaryDirectory
} from "./podFixture.ts"

const archive = (name: string) => readFile(fileURLToPath(new URL(`../../data/archives/${name}`, import.meta.url)))
const hello = "module.exports = async () => ({ status: 200, body: 'hello' })"
const master = "fission-test-master-must-be-long-enough"
const secretPath = (name: string) => `/api/v1/namespaces/default/secrets/${name}`
const configMapPath = (name: string) => `/api/v1/namespaces/default/configmaps/${name}`
const base64 = (text: string) => Buffer.from(text).toString("base64")

const signedWith = (key: ChannelKey, body: string, age = 0) => ({
  headers: signedHeaders(key, { method: "POST", target: "/specialize", body }, Math.floor(Date.now() / 1000) - age)
})

describe("conformance (function-pod-protocol.md section 14.3)", () => {
  it.live("1: a zip becomes a directory, and its entry point answers", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({
        [packagePath]: packageOf(literal(yield* Effect.promise(() => archive("function.zip"))))
      })
      yield* Effect.promise(async () => {
        const answer = await pod.ask("POST", "/specialize", specializeRequest({}, { functionName: "hello.main" }))
        assert.deepStrictEqual([answer.status, answer.text], [200, ""])
        assert.deepStrictEqual((await readdir(pod.path("/userfunc"))).sort(), ["deployarchive"])
        const files = await readdir(pod.path("/userfunc/deployarchive"), { recursive: true })
        assert.deepStrictEqual(files.sort(), ["hello.js", "lib", "lib/greeting.js", "stored.txt"])
        assert.strictEqual(await pod.mode("/userfunc/deployarchive"), 0o755)
        assert.strictEqual(await pod.mode("/userfunc/deployarchive/hello.js"), 0o755)
        assert.strictEqual(await pod.mode("/userfunc/deployarchive/lib/greeting.js"), 0o640)
        assert.strictEqual((await pod.invoke("/")).text, "hello zip")
      })
    })
  )

  it.live("2: a single file is stored as it is, readable by everybody, and answers", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({ [packagePath]: packageOf(literal(hello)) })
      yield* Effect.promise(async () => {
        assert.strictEqual((await pod.ask("POST", "/specialize", specializeRequest())).status, 200)
        assert.strictEqual(await readFile(pod.path("/userfunc/deployarchive"), "utf8"), hello)
        assert.strictEqual(await pod.mode("/userfunc/deployarchive"), 0o644)
        assert.strictEqual((await pod.invoke("/")).text, "hello")
      })
    })
  )

  it.live("2: an environment of version 1 loads /userfunc/user", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({ [packagePath]: packageOf(literal(hello)) })
      yield* Effect.promise(async () => {
        const request = specializeRequest({ filename: "user" }, { filepath: "/userfunc/user", envVersion: 1 })
        assert.strictEqual((await pod.ask("POST", "/specialize", request)).status, 200)
        assert.strictEqual((await pod.invoke("/")).text, "hello")
      })
    })
  )

  it.live("3: the load call is repeated until the runtime listens", () =>
    Effect.gen(function* () {
      const pod = yield* startPod(
        { [packagePath]: packageOf(literal(hello)) },
        { runtime: { RUNTIME_LISTEN_DELAY_MS: "700" }, runtimeLater: true }
      )
      yield* Effect.promise(async () => {
        assert.strictEqual((await pod.ask("POST", "/specialize", specializeRequest())).status, 200)
        assert.strictEqual((await pod.invoke("/")).text, "hello")
      })
    })
  )

  it.live("4: a second function is not fetched, and the runtime's 400 is relayed", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({ [packagePath]: packageOf(literal(hello)) })
      yield* Effect.promise(async () => {
        await pod.ask("POST", "/specialize", specializeRequest())
        pod.cluster.served[packagePath] = packageOf(literal("module.exports = async () => ({ status: 201 })"))
        const second = await pod.ask("POST", "/specialize", specializeRequest())
        assert.strictEqual(second.status, 400)
        assert.match(second.text, /^error specializing function pod: .* - Not a generic container\n$/u)
        assert.strictEqual((await pod.invoke("/")).text, "hello")
      })
    })
  )

  it.live("5: a wrong checksum leaves nothing behind, and the right one succeeds afterwards", () =>
    Effect.gen(function* () {
      const store = yield* startStub({ "/code": Buffer.from(hello) })
      const withSum = (sum: string, type = "sha256") =>
        packageOf({ type: "url", url: `${store.url}/code`, checksum: { type, sum } })
      const pod = yield* startPod({ [packagePath]: withSum("00") })
      yield* Effect.promise(async () => {
        const refused = await pod.ask("POST", "/specialize", specializeRequest())
        assert.strictEqual(refused.status, 400)
        assert.match(refused.text, /^error fetching deploy package: /u)
        assert.deepStrictEqual(await readdir(pod.path("/userfunc")), [])
        pod.cluster.served[packagePath] = withSum("00", "md5")
        assert.strictEqual((await pod.ask("POST", "/specialize", specializeRequest())).status, 400)
        pod.cluster.served[packagePath] = withSum(createHash("sha256").update(hello).digest("hex"))
        assert.strictEqual((await pod.ask("POST", "/specialize", specializeRequest())).status, 200)
      })
    })
  )

  it.live("6: an unfinished build is refused without a download", () =>
    Effect.gen(function* () {
      const store = yield* startStub({ "/code": Buffer.from(hello) })
      const pod = yield* startPod({ [packagePath]: packageOf({ url: `${store.url}/code` }, "failed") })
      yield* Effect.promise(async () => {
        const answer = await pod.ask("POST", "/specialize", specializeRequest())
        assert.strictEqual(answer.status, 500)
        assert.match(answer.text, /^error fetching deploy package: package build status/u)
        assert.strictEqual(store.requests.length, 0)
      })
    })
  )

  it.live("7: Secrets and ConfigMaps lie below their mount paths, and functions read them there", () =>
    Effect.gen(function* () {
      const code = `import { readFile } from "node:fs/promises"
        export default async () => ({ status: 200, body: await readFile("/secrets/db/password", "utf8") })`
      const pod = yield* startPod({
        [packagePath]: packageOf(literal(code)),
        [secretPath("s1")]: { data: { password: base64("geheim") } },
        [configMapPath("c1")]: { data: { color: "blue" }, binaryData: { icon: base64("x") } }
      })
      const request = specializeRequest({
        secretList: [{ namespace: "default", name: "s1", mountPath: "db" }],
        configMapList: [{ namespace: "default", name: "c1" }]
      })
      yield* Effect.promise(async () => {
        assert.strictEqual((await pod.ask("POST", "/specialize", request)).status, 200)
        assert.strictEqual(await readFile(pod.path("/configs/default/c1/color"), "utf8"), "blue")
        assert.isFalse(await pod.exists("/configs/default/c1/icon"))
        for (const path of ["/secrets/db", "/secrets/db/password", "/configs/default/c1/color"]) {
          assert.strictEqual(await pod.mode(path), 0o750)
        }
        assert.strictEqual((await pod.invoke("/")).text, "geheim")
      })
    })
  )

  it.live("7: two objects may not write one file in one call", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({
        [packagePath]: packageOf(literal(hello)),
        [secretPath("s1")]: { data: { key: base64("1") } },
        [secretPath("s2")]: { data: { key: base64("2") } }
      })
      const mount = (name: string) => ({ namespace: "default", name, mountPath: "same" })
      yield* Effect.promise(async () => {
        const both = specializeRequest({ secretList: [mount("s1"), mount("s2")] })
        const refused = await pod.ask("POST", "/specialize", both)
        assert.strictEqual(refused.status, 500)
        assert.match(refused.text, /^error fetching secrets\/configs: /u)
        const next = await pod.ask("POST", "/fetch", {
          filename: "deployarchive",
          fetchType: 1,
          package: { name: "code", namespace: "default" },
          secretList: [mount("s2")]
        })
        assert.strictEqual(next.status, 200)
        assert.strictEqual(await readFile(pod.path("/secrets/same/key"), "utf8"), "2")
      })
    })
  )

  it.live("7: a missing Secret or ConfigMap is a 404, any other trouble with it a 500", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({ [packagePath]: packageOf(literal(hello)), [secretPath("broken")]: 503 })
      const mount = (name: string) => [{ namespace: "default", name }]
      const ask = (changes: object) => Effect.promise(() => pod.ask("POST", "/specialize", specializeRequest(changes)))
      const secret = yield* ask({ secretList: mount("none") })
      assert.strictEqual(secret.status, 404)
      assert.match(secret.text, /^error fetching secrets\/configs: secret was not found in kubeapi/u)
      const configMap = yield* ask({ configMapList: mount("none") })
      assert.strictEqual(configMap.status, 404)
      assert.match(configMap.text, /^error fetching secrets\/configs: configmap was not found in kubeapi/u)
      const broken = yield* ask({ secretList: mount("broken") })
      assert.strictEqual(broken.status, 500)
      assert.match(broken.text, /error getting secret from kubeapi/u)
    })
  )

  for (const mountPath of ["/etc", "..", "../up", "a/../..", ".", "a\\b"]) {
    it.live(`7: the mount path ${mountPath} is refused`, () =>
      Effect.gen(function* () {
        const pod = yield* startPod({
          [packagePath]: packageOf(literal(hello)),
          [secretPath("s1")]: { data: { key: base64("1") } }
        })
        const request = specializeRequest({ secretList: [{ namespace: "default", name: "s1", mountPath }] })
        const answer = yield* Effect.promise(() => pod.ask("POST", "/specialize", request))
        assert.strictEqual(answer.status, 400)
        assert.match(answer.text, /^error fetching secrets\/configs: /u)
      })
    )
  }

  it.live("8: an error while loading is relayed with its status", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({ [packagePath]: packageOf(literal("throw new Error('broken')")) })
      const answer = yield* Effect.promise(() => pod.ask("POST", "/specialize", specializeRequest()))
      assert.strictEqual(answer.status, 500)
      assert.match(answer.text, /^error specializing function pod: .* - \{\}\n$/u)
    })
  )

  it.live("9: only requests signed with the current or the old key, and not long ago, are accepted", () =>
    Effect.gen(function* () {
      const pod = yield* startPod(
        { [packagePath]: packageOf(literal(hello)) },
        { fetcher: { FISSION_INTERNAL_AUTH_SECRET: master, FISSION_INTERNAL_AUTH_SECRET_OLD: "older" } }
      )
      const body = JSON.stringify(specializeRequest())
      const signed = (secret: string, age: number) => signedWith(channelKey(secret, "fetcher"), body, age)
      yield* Effect.promise(async () => {
        const unsigned = await pod.ask("POST", "/specialize", body)
        assert.deepStrictEqual([unsigned.status, unsigned.text], [401, ""])
        assert.strictEqual((await pod.ask("POST", "/specialize", body, signed("wrong", 0))).status, 401)
        assert.strictEqual((await pod.ask("POST", "/specialize", body, signed(master, 62))).status, 401)
        assert.strictEqual((await pod.ask("GET", "/healthz")).status, 200)
        assert.strictEqual((await pod.ask("GET", "/readiness-healthz")).status, 200)
        assert.strictEqual((await pod.ask("GET", "/version")).status, 401)
        assert.strictEqual((await pod.ask("GET", "/nothing")).status, 401)
        assert.strictEqual((await pod.ask("POST", "/specialize", body, signed("older", 0))).status, 200)
      })
    })
  )

  it.live("9: a key of the namespace goes before the secret", () =>
    Effect.gen(function* () {
      const key = channelKey(master, "fetcher:team-a")
      const pod = yield* startPod(
        { [packagePath]: packageOf(literal(hello)) },
        { fetcher: { FISSION_INTERNAL_AUTH_SECRET: master, FISSION_FETCHER_KEY: key.export().toString("hex") } }
      )
      const body = JSON.stringify(specializeRequest())
      const signed = (channel: string) => signedWith(channelKey(master, channel), body)
      yield* Effect.promise(async () => {
        assert.strictEqual((await pod.ask("POST", "/specialize", body, signed("fetcher"))).status, 401)
        assert.strictEqual((await pod.ask("POST", "/specialize", body, signed("fetcher:team-a"))).status, 200)
      })
    })
  )

  it.live("10: a zip that is to be kept stays a file", () =>
    Effect.gen(function* () {
      const bytes = yield* Effect.promise(() => archive("function.zip"))
      const pod = yield* startPod({ [packagePath]: packageOf(literal(bytes)) })
      yield* Effect.promise(async () => {
        const code = { ...Object(specializeRequest({ keeparchive: true })).FetchReq }
        assert.strictEqual((await pod.ask("POST", "/fetch", code)).status, 200)
        assert.isTrue((await readFile(pod.path("/userfunc/deployarchive"))).equals(bytes))
      })
    })
  )

  for (const [secret, token] of [
    [master, "61d400ce0f57017b831883aa427559664cbcf0dd9c1f94f0ecb601e89e1ffe55"],
    [undefined, "dev-unauthenticated"]
  ] as const) {
    it.live(`11: a stateful function finds its token, ${secret === undefined ? "without" : "with"} a secret`, () =>
      Effect.gen(function* () {
        const pod = yield* startPod(
          { [packagePath]: packageOf(literal(hello)) },
          secret === undefined ? {} : { fetcher: { FISSION_INTERNAL_AUTH_SECRET: secret } }
        )
        const load = { FunctionMetadata: { name: "f", namespace: "ns" }, stateKeyspace: "cart" }
        const body = JSON.stringify(specializeRequest({}, load))
        yield* Effect.promise(async () => {
          const answer = await pod.ask("POST", "/specialize", body, signedWith(channelKey(master, "fetcher"), body))
          assert.strictEqual(answer.status, 200)
          const written: unknown = JSON.parse(await readFile(pod.path("/userfunc/.fission-state-token"), "utf8"))
          assert.deepStrictEqual(written, { namespace: "ns", keyspace: "cart", token })
          assert.strictEqual(await pod.mode("/userfunc/.fission-state-token"), 0o444)
        })
      })
    )
  }

  it.live("12: a caller that leaves during the download leaves nothing behind", () =>
    Effect.gen(function* () {
      const store = yield* startStub({ "/code": 0 })
      const pod = yield* startPod({ [packagePath]: packageOf({ url: `${store.url}/code` }) })
      yield* Effect.promise(async () => {
        const leave = new AbortController()
        const asked = pod
          .ask("POST", "/specialize", specializeRequest(), { signal: leave.signal })
          .catch(() => undefined)
        while (store.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
        const closed = once(store.requests[0]?.socket ?? process, "close")
        leave.abort()
        await asked
        await closed
        assert.deepStrictEqual(await readdir(pod.path("/userfunc")), [])
      })
    })
  )

  it.live("13: an OCI image is pulled from the layout on disk, and one with another digest refused", () =>
    Effect.gen(function* () {
      const layout = yield* temporaryDirectory
      const content = "module.exports = async () => ({ status: 200, body: 'pulled' })"
      const image = { name: "example.org/code", layers: [[{ name: "app/main.js", content }]] }
      const [digest] = yield* Effect.promise(() => writeLayout(layout, [image]))
      const oci = { image: "example.org/code", subPath: "app/", digest: `sha256:${"0".repeat(64)}` }
      const pod = yield* startPod(
        { [packagePath]: packageOf({ type: "oci", oci }) },
        { fetcher: { OCI_IMAGE_LAYOUT: layout } }
      )
      const refused = yield* Effect.promise(() => pod.ask("POST", "/specialize", specializeRequest()))
      assert.strictEqual(refused.status, 500)
      assert.match(refused.text, /^error fetching deploy package: .* has no blob sha256:0{64}/u)
      pod.cluster.served[packagePath] = packageOf({ type: "oci", oci: { ...oci, digest } })
      assert.strictEqual(
        (yield* Effect.promise(() => pod.ask("POST", "/specialize", specializeRequest({ keeparchive: true })))).status,
        200
      )
      assert.strictEqual((yield* Effect.promise(() => pod.invoke("/"))).text, "pulled")
    })
  )

  it.live("13: an OCI image is refused clearly where there is no layout", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({ [packagePath]: packageOf({ type: "oci", oci: { image: "example.org/code" } }) })
      const answer = yield* Effect.promise(() => pod.ask("POST", "/specialize", specializeRequest()))
      assert.strictEqual(answer.status, 500)
      assert.match(answer.text, /^error fetching deploy package: cannot pull example.org\/code: .* no images/u)
    })
  )

  it.live("14: wrong methods, garbage, unknown paths and pre-flights are refused in the documented words", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({})
      yield* Effect.promise(async () => {
        const wrong = await pod.ask("GET", "/specialize")
        assert.deepStrictEqual(
          [wrong.status, wrong.text, wrong.headers.get("content-type")],
          [405, "only POST is supported on this endpoint, GET received\n", "text/plain; charset=utf-8"]
        )
        assert.strictEqual((await pod.ask("PUT", "/fetch", "x")).text, "only POST is supported on this endpoint\n")
        assert.strictEqual((await pod.ask("POST", "/wsevent/end")).text, "only GET is supported on this endpoint\n")
        assert.strictEqual((await pod.ask("POST", "/specialize", "garbage")).status, 400)
        const unknown = await pod.ask("GET", "/nothing")
        assert.strictEqual(unknown.status, 404)
        assert.strictEqual(unknown.headers.get("x-content-type-options"), "nosniff")
        assert.strictEqual(unknown.headers.get("vary"), "Origin")
        const headers = { origin: "http://elsewhere", "access-control-request-method": "POST" }
        assert.strictEqual((await pod.ask("OPTIONS", "/specialize", undefined, { headers })).status, 403)
        assert.deepStrictEqual(JSON.parse((await pod.ask("GET", "/version")).text), { Version: "embedded" })
      })
    })
  )

  it.live("14: a pod that specializes at its start is ready only once the code is loaded", () =>
    Effect.gen(function* () {
      const request = JSON.stringify(specializeRequest())
      const pod = yield* startPod(
        { [packagePath]: packageOf(literal(hello)) },
        {
          parameters: ["-specialize-on-startup", "-specialize-request", request],
          runtime: { RUNTIME_LISTEN_DELAY_MS: "300" },
          runtimeLater: true
        }
      )
      yield* Effect.promise(async () => {
        assert.strictEqual((await pod.ask("GET", "/readiness-healthz")).status, 503)
        assert.strictEqual((await pod.ask("GET", "/healthz")).status, 200)
        while ((await pod.ask("GET", "/readiness-healthz")).status !== 200) continue
        assert.strictEqual((await pod.invoke("/")).text, "hello")
      })
    })
  )
})

describe("fetching", () => {
  it.live("waits a moment for a Package that is not there yet", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({})
      yield* Effect.promise(async () => {
        const answer = pod.ask("POST", "/specialize", specializeRequest())
        while (pod.cluster.requests.length < 2) await new Promise((resolve) => setImmediate(resolve))
        pod.cluster.served[packagePath] = packageOf(literal(hello))
        assert.strictEqual((await answer).status, 200)
      })
    })
  )

  it.live("gives a missing Package up after nine reads, an unreadable one after five", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({})
      yield* Effect.promise(async () => {
        const missing = await pod.ask("POST", "/specialize", specializeRequest())
        assert.strictEqual(missing.status, 500)
        assert.match(missing.text, /^error getting package information: /u)
        assert.strictEqual(pod.cluster.requests.length, 9)
        pod.cluster.served[packagePath] = 503
        assert.strictEqual((await pod.ask("POST", "/specialize", specializeRequest())).status, 500)
        assert.strictEqual(pod.cluster.requests.length, 9 + 5)
      })
    })
  )

  it.live("refuses file names that leave the shared directory, and unknown fetch types", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({ [packagePath]: packageOf(literal(hello)) })
      for (const changes of [{ filename: "../secrets/x" }, { filename: "" }, { fetchType: 9 }]) {
        const answer = yield* Effect.promise(() => pod.ask("POST", "/specialize", specializeRequest(changes)))
        assert.strictEqual(answer.status, 400)
        assert.match(answer.text, /^error fetching deploy package: /u)
      }
    })
  )

  it.live("says that a download failed", () =>
    Effect.gen(function* () {
      const store = yield* startStub({ "/code": 500 })
      const pod = yield* startPod({ [packagePath]: packageOf({ url: `${store.url}/code` }) })
      const answer = yield* Effect.promise(() => pod.ask("POST", "/specialize", specializeRequest()))
      assert.strictEqual(answer.status, 400)
      assert.match(answer.text, /^error fetching deploy package: failed to download/u)
    })
  )

  it.live("signs downloads from the storage service alone", () =>
    Effect.gen(function* () {
      const store = yield* startStub({ "/v1/archive": Buffer.from(hello), "/code": Buffer.from(hello) })
      const pod = yield* startPod(
        { [packagePath]: packageOf({ url: `${store.url}/v1/archive?id=x` }) },
        { fetcher: { FISSION_STORAGE_KEY: "ab" } }
      )
      yield* Effect.promise(async () => {
        await pod.ask("POST", "/fetch", {
          fetchType: 1,
          filename: "a",
          package: { name: "code", namespace: "default" }
        })
        await pod.ask("POST", "/fetch", { fetchType: 2, filename: "b", url: `${store.url}/code` })
        const [archived, other] = store.requests.map(({ headers }) => headers)
        assert.match(String(archived?.["x-fission-auth-signature"]), /^[0-9a-f]{64}$/u)
        assert.strictEqual(archived?.["x-fission-auth-namespace"], "default")
        assert.isUndefined(other?.["x-fission-auth-signature"])
      })
    })
  )

  for (const name of ["symlink.zip", "escaping.zip"]) {
    it.live(`refuses ${name} and leaves nothing behind`, () =>
      Effect.gen(function* () {
        const bytes = yield* Effect.promise(() => archive(name))
        const pod = yield* startPod({ [packagePath]: packageOf(literal(bytes)) })
        const answer = yield* Effect.promise(() => pod.ask("POST", "/specialize", specializeRequest()))
        assert.strictEqual(answer.status, 500)
        assert.match(answer.text, /^error fetching deploy package: /u)
        assert.deepStrictEqual(yield* Effect.promise(() => readdir(pod.path("/userfunc"))), [])
      })
    )
  }

  it.live("serves one caller after the other", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({ [packagePath]: packageOf(literal(hello)) })
      const answers = yield* Effect.promise(() =>
        Promise.all([1, 2, 3].map(() => pod.ask("POST", "/specialize", specializeRequest())))
      )
      assert.deepStrictEqual(answers.map(({ status }) => status).sort(), [200, 400, 400])
    })
  )

  it.live("tells about web sockets with Events on its pod", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({ "/api/v1/namespaces/default/events": {} })
      const answer = yield* Effect.promise(() => pod.ask("GET", "/wsevent/start"))
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(pod.cluster.requests[0]?.method, "POST")
    })
  )
})

describe("the samples", () => {
  const sample = (name: string) =>
    readFile(fileURLToPath(new URL(`../../../deploy/samples/${name}.js`, import.meta.url)))
  const podWith = (name: string) =>
    Effect.gen(function* () {
      const pod = yield* startPod({ [packagePath]: packageOf(literal(yield* Effect.promise(() => sample(name)))) })
      const { status } = yield* Effect.promise(() => pod.ask("POST", "/specialize", specializeRequest()))
      assert.strictEqual(status, 200)
      return pod
    })

  it.live("hello greets who is named", () =>
    Effect.gen(function* () {
      const pod = yield* podWith("hello")
      assert.strictEqual((yield* Effect.promise(() => pod.invoke("/?name=you"))).text, "Hello, you!\n")
    })
  )

  it.live("echo answers with the request", () =>
    Effect.gen(function* () {
      const pod = yield* podWith("echo")
      const headers = { "content-type": "application/json" }
      const answer = yield* Effect.promise(() => pod.invoke("/a?b=c", { method: "POST", headers, body: '{"d":1}' }))
      const { body, method, path, query } = Object(JSON.parse(answer.text))
      assert.deepStrictEqual(
        { body, method, path, query },
        { body: { d: 1 }, method: "POST", path: "/a", query: { b: "c" } }
      )
    })
  )

  it.live("counter remembers in its warm pod", () =>
    Effect.gen(function* () {
      const pod = yield* podWith("counter")
      const count = Effect.promise(async () => Object(JSON.parse((await pod.invoke("/")).text)).count)
      assert.deepStrictEqual([yield* count, yield* count], [1, 2])
    })
  )
})

describe("misbehaving on purpose", () => {
  it.live("answers with a fixed status without doing anything", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({}, { fetcher: { FETCHER_FIXED_STATUS: "418" } })
      const answer = yield* Effect.promise(() => pod.ask("POST", "/specialize", specializeRequest()))
      assert.strictEqual(answer.status, 418)
      assert.strictEqual(pod.cluster.requests.length, 0)
    })
  )

  it.live("does the work and drops the answer", () =>
    Effect.gen(function* () {
      const pod = yield* startPod(
        { [packagePath]: packageOf(literal(hello)) },
        { fetcher: { FETCHER_DROP_ANSWER: "true" } }
      )
      yield* Effect.promise(async () => {
        const answer = await pod.ask("POST", "/specialize", specializeRequest()).catch(() => "dropped")
        assert.strictEqual(answer, "dropped")
        assert.strictEqual((await pod.invoke("/")).text, "hello")
      })
    })
  )
})

describe("the program", () => {
  const environment = { POD_NAME: "p", POD_NAMESPACE: "default", KUBERNETES_API_URL: "http://127.0.0.1:1" }

  it.live("ends when its standard input ends", () =>
    Effect.gen(function* () {
      const pod = yield* startPod({})
      pod.fetcher.process.stdin?.end()
      pod.runtime.process.stdin?.end()
      assert.deepStrictEqual(yield* Effect.promise(() => Promise.all([pod.fetcher.exited, pod.runtime.exited])), [0, 0])
    })
  )

  it.live("ends with 1 and its usage when the directory is missing from its arguments", () =>
    Effect.gen(function* () {
      const fetcher = yield* startProgram("fetcher", ["-secret-dir", "/secrets"], environment)
      assert.strictEqual(yield* Effect.promise(() => fetcher.exited), 1)
      assert.include(fetcher.output(), "Usage: ")
    })
  )

  it.live("ends with 1 when the secret is blank", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      const blank = { ...environment, POD_ROOT: root, FISSION_INTERNAL_AUTH_SECRET: " " }
      const fetcher = yield* startProgram("fetcher", ["/userfunc"], blank)
      assert.strictEqual(yield* Effect.promise(() => fetcher.exited), 1)
    })
  )
})
