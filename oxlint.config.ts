import { defineConfig } from "oxlint"

/** The rooms of src/, each importing only from those before it (docs/architecture.md section 3). */
const rooms = [
  "fission",
  "kubernetes",
  "safeguards",
  "informers",
  "namespaces",
  "podspec",
  "caches",
  "specialization",
  "executors",
  "controllers",
  "api",
  "observability"
]

const forbidRooms = (forbidden: ReadonlyArray<string>) =>
  forbidden.map((room) => ({
    group: [`**/${room}/**`, `!./${room}/**`],
    message: "A room imports only from the rooms above it (docs/architecture.md, Rooms)."
  }))

const forbidDeletion = [
  {
    group: ["**/kubernetes/KubernetesApi.ts"],
    importNames: ["KubernetesDeletion"],
    message: "Delete through safeguards/Deletion, with a ground."
  }
]

const restricted = (patterns: Array<object>): ["error", { patterns: Array<object> }] => ["error", { patterns }]

const below = (room: string) => [...rooms.slice(rooms.indexOf(room) + 1), "devcluster"]

const imports = (files: string, forbidden: ReadonlyArray<string>, deletion: "mayDelete" | "mustNotDelete") => ({
  files: [files],
  rules: {
    "no-restricted-imports": restricted([
      ...forbidRooms(forbidden),
      ...(deletion === "mayDelete" ? [] : forbidDeletion)
    ])
  }
})

export default defineConfig({
  plugins: ["typescript", "import", "unicorn", "oxc"],
  categories: { correctness: "error", suspicious: "error", perf: "error" },
  rules: {
    "typescript/no-explicit-any": "error",
    "typescript/consistent-type-imports": "error",
    "import/no-cycle": "error",
    "no-console": "error",
    "no-await-in-loop": "off",
    "no-underscore-dangle": "off",
    "no-shadow": "off",
    "require-yield": "off",
    "unicorn/no-array-sort": "off",
    "unicorn/consistent-function-scoping": "off",
    "import/no-unassigned-import": "off",
    "oxc/no-map-spread": "off",
    "no-unmodified-loop-condition": "off"
  },
  overrides: [
    ...rooms.map((room) =>
      imports(`src/${room}/**`, below(room), room === "kubernetes" ? "mayDelete" : "mustNotDelete")
    ),
    imports("src/safeguards/Deletion.ts", below("safeguards"), "mayDelete"),
    imports("src/namespaces/GuardedKubernetesApi.ts", below("namespaces"), "mayDelete"),
    imports("src/cli/**", [], "mustNotDelete"),
    imports("src/cli/orphans/deleteOrphan.ts", [], "mayDelete"),
    imports(
      "src/devcluster/**",
      rooms.filter((room) => room !== "fission" && room !== "kubernetes"),
      "mayDelete"
    )
  ],
  ignorePatterns: ["dist", "test/data", "deploy/samples"]
})
