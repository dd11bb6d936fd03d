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
  // Parts of the machine: glibc's, for the libraries of the image, and one that makes certificates for a test.
  ignoreBinaries: ["ldd", "openssl"],
  // A public signature names its types; that nobody else does is no reason to hide them.
  ignoreExportsUsedInFile: { interface: true, type: true }
}

export default config
