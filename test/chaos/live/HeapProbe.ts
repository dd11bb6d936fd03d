import { getHeapStatistics } from "node:v8"

/*
 * Loaded into the executor under test by `--import`, with `--expose-gc`: answers each message of its parent process with the
 * bytes that are alive after a full collection. One collection may leave what finalizers and weak references still hold.
 */

process.on("message", () => {
  global.gc?.()
  setImmediate(() => {
    global.gc?.()
    process.send?.(getHeapStatistics().used_heap_size)
  })
})
