import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

export default defineConfig({
  // Examples import the package by its name; here that is the sources.
  ssr: { resolve: { conditions: ["fission-executor-source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    // Many tests wait for processes and servers of their own, so that two fit on one core.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 30_000,
    hookTimeout: 30_000
  }
})
