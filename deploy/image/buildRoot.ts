import { execFileSync } from "node:child_process"
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { rootCertificates } from "node:tls"
import { fileURLToPath, pathToFileURL } from "node:url"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** User and group that the chart runs its components as (configuration-and-deployment.md section 7). */
const user = 10001

/** Libraries that the C library loads by name to resolve hosts; newer ones have them built in. */
const resolvers = ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"]

/** Every shared library of a program on this machine, by the path under which it is looked for. */
const librariesOf = (program: string): ReadonlyArray<string> => {
  const listed = execFileSync("ldd", [program], { encoding: "utf8" })
  const libraries = [...listed.matchAll(/(?:^|\s)(\/\S+) \(0x/gmu)].map(([, path = ""]) => path)
  const folder = dirname(libraries.find((path) => path.endsWith("/libc.so.6")) ?? "/")
  return [...libraries, ...resolvers.map((name) => join(folder, name)).filter((path) => existsSync(path))]
}

/**
 * Lays the whole file system of the image out in a folder: the bundle, the Node that runs this script with the libraries
 * that it needs, certificates, one user, and `/fission-bundle`. For the architecture of this machine, which must be Linux
 * with glibc. What is in the folder already stays.
 */
export const buildRoot = (root: string, bundle: string): void => {
  const inRoot = (path: string): string => {
    const target = join(root, path)
    mkdirSync(dirname(target), { recursive: true })
    return target
  }
  const copy = (from: string, to: string) => copyFileSync(from, inRoot(to))
  const write = (to: string, content: string) => writeFileSync(inRoot(to), content)

  copy(join(bundle, "main.mjs"), "app/main.mjs")
  cpSync(join(bundle, "page"), inRoot("app/page"), { recursive: true })
  copy(here("fission-bundle.mjs"), "fission-bundle")
  chmodSync(join(root, "fission-bundle"), 0o755)
  copy(process.execPath, "usr/local/bin/node")
  for (const library of librariesOf(process.execPath)) copy(library, library)

  write("etc/ssl/certs/ca-certificates.crt", `${rootCertificates.join("\n")}\n`)
  write("etc/passwd", `executor:x:${user}:${user}:executor:/tmp:/sbin/nologin\n`)
  write("etc/group", `executor:x:${user}:\n`)
  write("etc/nsswitch.conf", "hosts: files dns\n")
  mkdirSync(join(root, "tmp"), { recursive: true })
  chmodSync(join(root, "tmp"), 0o1777)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const root = process.argv[2]
  if (root === undefined) {
    process.stderr.write("usage: npm run build:image-root -- FOLDER\n")
    process.exitCode = 2
  } else {
    buildRoot(root, here("../../dist"))
  }
}
