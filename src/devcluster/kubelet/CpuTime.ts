import { readFile } from "node:fs/promises"

/** Milliseconds of a tick of the kernel's clock, on every Linux that Node.js runs on. */
const millisPerTick = 10

/** CPU time of a process and of everything that it started and that runs, in milliseconds; 0 for one that is gone. */
export const cpuTime = async (pid: number): Promise<number> => {
  const children = await read(`/proc/${pid}/task/${pid}/children`)
  const times = await Promise.all(children.split(" ").filter(Boolean).map(Number).map(cpuTime))
  return times.reduce((sum, time) => sum + time, ownTime(await read(`/proc/${pid}/stat`)))
}

const read = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "")

/** Of the fields behind the name of the program, which may hold any character, the 12th and 13th count ticks. */
const ownTime = (stat: string): number => {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * millisPerTick
}
