import { endWithParent, listen } from "./podProcess.ts"

/*
 * What the image hashicorp/http-echo runs, so that a function of the type container has something small to run: a server
 * that answers every request with the same text.
 *
 *   httpEcho.ts [-listen=:5678] -text=<string>
 */

/** The value of a flag as Go programs take it: `-text=hello`. */
const flag = (name: string): string | undefined =>
  process.argv
    .slice(2)
    .map((argument) => new RegExp(`^--?${name}=(.*)$`, "su").exec(argument)?.[1])
    .find((value) => value !== undefined)

const port = Number((flag("listen") ?? ":5678").split(":").at(-1))
const text = flag("text") ?? ""

endWithParent()
await listen(port, async (_request, response) => {
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`)
})
