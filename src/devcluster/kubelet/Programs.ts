import { extname } from "node:path"
import { fileURLToPath } from "node:url"
import type { Container } from "./PodObject.ts"

/** A program that stands for an image. */
export interface Program {
  /** What it runs, for people: `containers named fetcher`. */
  readonly description: string
  readonly runs: (container: Container) => boolean
  /** The module that Node runs. */
  readonly file: string
}

/** The last part of an image's name, without registry, tag and digest. */
const imageName = (image: string): string => (image.split("@")[0] ?? "").split("/").at(-1)?.split(":")[0] ?? ""

const beside = (module: string): string => fileURLToPath(new URL(`../pod/${module}`, import.meta.url))
const extension = extname(import.meta.url)

/**
 * The programs of the embedded cluster: Fission's fetcher, its environments for Node.js and Python, and a server for
 * functions that bring a container of their own.
 */
export const programs: ReadonlyArray<Program> = [
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
]
