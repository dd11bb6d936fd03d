import { extname } from "node:path";
import { fileURLToPath } from "node:url";
// src/devcluster/kubelet/Programs.ts
/** The last part of an image's name, without registry, tag and digest. */
const imageName = (image) => (image.split("@")[0] ?? "").split("/").at(-1)?.split(":")[0] ?? "";
const beside = (module) => fileURLToPath(new URL(`../pod/${module}`, import.meta.url));
const extension = extname(import.meta.url);
/**
* The programs of the embedded cluster: Fission's fetcher, its environments for Node.js and Python, and a server for
* functions that bring a container of their own.
*/
const programs = [
	{
		description: "containers named fetcher",
		runs: ({ name }) => name === "fetcher",
		file: beside(`fetcher${extension}`)
	},
	{
		description: "images whose name contains node",
		runs: ({ image }) => imageName(image ?? "").includes("node"),
		file: beside(`nodeRuntime${extension}`)
	},
	{
		description: "images whose name contains python",
		runs: ({ image }) => imageName(image ?? "").includes("python"),
		file: beside(`pythonRuntime${extension}`)
	},
	{
		description: "images named http-echo",
		runs: ({ image }) => imageName(image ?? "") === "http-echo",
		file: beside(`httpEcho${extension}`)
	}
];
export { programs };
