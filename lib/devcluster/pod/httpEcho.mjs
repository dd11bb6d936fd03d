import { endWithParent, listen } from "./podProcess.mjs";
// src/devcluster/pod/httpEcho.ts
/** The value of a flag as Go programs take it: `-text=hello`. */
const flag = (name) => process.argv.slice(2).map((argument) => new RegExp(`^--?${name}=(.*)$`, "su").exec(argument)?.[1]).find((value) => value !== void 0);
const port = Number((flag("listen") ?? ":5678").split(":").at(-1));
const text = flag("text") ?? "";
endWithParent();
await listen(port, async (_request, response) => {
	response.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
});
export {};
