import type { KnipConfig } from "knip"

const config: KnipConfig = {
  entry: [
    // Started as processes of their own, by the kubelet and by tests.
    "src/devcluster/pod/{fetcher,nodeRuntime}.ts",
    "test/devcluster/fixtures/**",
    "test/bench/*.ts"
  ],
  project: ["src/**", "test/**", "*.config.ts"],
  // A public signature names its types; that nobody else does is no reason to hide them.
  ignoreExportsUsedInFile: { interface: true, type: true }
}

export default config
