// Where the checks keep what they install and build: $WEFT_CACHE/clients, never the source tree.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** tests/clients */
export const here = dirname(dirname(fileURLToPath(import.meta.url)));

/** The cache's folder. */
export const cache = join(process.env.WEFT_CACHE ?? join(homedir(), ".cache/weft"), "clients");

/** Loads CommonJS packages, and reads JSON files of packages. */
export const require = createRequire(join(here, "package.json"));

/** One of Foundry's executables: from its npm package on x86-64 Linux, elsewhere whatever is installed. */
export function foundry(tool) {
  try {
    return join(dirname(require.resolve(`@foundry-rs/${tool}-linux-amd64/package.json`)), "bin", tool);
  } catch {
    return tool;
  }
}

/** Files under a folder of the tests with their texts, in a fixed order. */
export function sources(folder, names = /./) {
  return readdirSync(join(here, folder))
    .filter((name) => names.test(name))
    .sort()
    .map((name) => [name, readFileSync(join(here, folder, name), "utf8")]);
}

/** A short name for what these values and the installed packages determine. */
export function digest(...values) {
  const packages = readFileSync(join(here, "package-lock.json"), "utf8");
  return createHash("sha256")
    .update(JSON.stringify([packages, values]))
    .digest("hex")
    .slice(0, 16);
}

/** Writes a file so that it is there completely or not at all. */
export function writeWhole(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.tmp`;
  writeFileSync(partial, text);
  renameSync(partial, path);
}
