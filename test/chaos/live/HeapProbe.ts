import { getHeapStatistics } from "node:v8"

/*
 * Loaded into the executor under test by `--import`, with `--expose-gc`: answers each message of its parent process with the
 * bytes that are alive on its heap. The collection is the most thorough there is, for an ordinary one keeps compiled code
 * and caches; the second takes what the finalizers of the first let go.
 */

const collect = () => global.gc?.({ type: "major", execution: "sync", flavor: "last-resort" })

process.on("message", () => {
  collect()
  setImmediate(() => {
    collect()
    process.send?.(getHeapStatistics().used_heap_size)
  })
})
