#!/usr/local/bin/node
/*
 * The entry point of the image, at the path where the chart expects it (configuration-and-deployment.md section 1): gives
 * the process a heap that fits its container, and becomes the executor. Nothing stands between it and the signals of
 * Kubernetes afterwards.
 */
import { totalmem } from "node:os"
import { fileURLToPath } from "node:url"

const mebibyte = 1024 * 1024
const limit = process.constrainedMemory()
const isLimited = limit > 0 && limit < totalmem()
const heap = Number(process.env.EXECUTOR_MAX_OLD_SPACE_MB) || (isLimited ? Math.floor((limit * 0.75) / mebibyte) : 1024)

/** Go programs take flags with one dash, too. */
const parameters = process.argv.slice(2).map((parameter) => parameter.replace(/^-(?=[a-zA-Z]{2})/u, "--"))

const program = fileURLToPath(new URL("app/main.mjs", import.meta.url))
// A small young generation: 187 instead of 270 MiB after the load of test/bench/Scale.ts, at the same CPU.
const flags = [`--max-old-space-size=${heap}`, "--max-semi-space-size=8"]
process.execve(process.execPath, [process.execPath, ...flags, program, ...parameters])
