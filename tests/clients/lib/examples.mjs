// Compiles the TypeScript examples of proto/examples, with their types checked, once for each state of the sources.
//
//   node lib/examples.mjs    prints the folder with their JavaScript
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cache, digest, here, require, sources } from "./paths.mjs";

/** proto/examples, seen from tests/clients. */
export const examples = "../../proto/examples";

/** The folder with the compiled examples. It lies beside the packages, so that Node finds these. */
export function compiled() {
  const texts = sources(join(examples, "typescript"), /\.(ts|json)$/);
  const path = join(cache, "examples", digest(texts));
  if (existsSync(path)) return path;
  mkdirSync(join(cache, "examples"), { recursive: true });
  const work = mkdtempSync(`${path}-`);
  try {
    const options = ["--project", join(here, examples, "typescript"), "--outDir", work];
    execFileSync(process.execPath, [require.resolve("typescript/bin/tsc"), ...options], { stdio: "inherit" });
    writeFileSync(join(work, "package.json"), JSON.stringify({ type: "module" }));
    renameSync(work, path);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return path;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(compiled());
