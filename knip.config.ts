import type { KnipConfig } from "knip"

const config: KnipConfig = {
  entry: [
    // Started as processes of their own, by the kubelet and by tests.
    "src/devcluster/pod/{fetcher,httpEcho,nodeRuntime,pythonRuntime}.ts",
    // Copied into the image.
    "deploy/image/fission-bundle.mjs",
    "test/devcluster/fixtures/**",
    "test/bench/*.ts"
  ],
  project: ["src/**", "test/**", "deploy/image/**", "*.config.ts"],
  // Part of glibc, for the libraries of the image.
  ignoreBinaries: ["ldd"],
  // A public signature names its types; that nobody else does is no reason to hide them.
  ignoreExportsUsedInFile: { interface: true, type: true }
}

export default config
