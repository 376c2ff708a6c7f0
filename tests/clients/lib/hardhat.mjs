// Runs Hardhat, offline and with a home folder of its own.
//
//   node lib/hardhat.mjs    compiles the project, if its sources have changed
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { cache, here } from "./paths.mjs";

/** The Hardhat project. */
export const project = join(here, "hardhat");

/** Where it keeps what it compiles. */
export const work = join(cache, "hardhat");

/** Runs Hardhat; resolves to its exit code and to what it printed. */
export async function hardhat(parameters, env = {}) {
  const home = join(work, "home");
  mkdirSync(home, { recursive: true });
  const cli = join(here, "node_modules/hardhat/internal/cli/bootstrap.js");
  // CI: asks nobody about telemetry, and sends none.
  const all = { ...process.env, CI: "true", HOME: home, WEFT_HARDHAT_WORK: work, ...env };
  const options = { cwd: project, env: all, timeout: 100_000, maxBuffer: 64 << 20 };
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [cli, ...parameters], options)) };
  } catch ({ code, stdout = "", stderr = "", message }) {
    return { code: code ?? 1, stdout, stderr: stderr || message };
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { code, stdout, stderr } = await hardhat(["compile"]);
  if (code !== 0) console.error(stdout, stderr);
  process.exitCode = code === 0 ? 0 : 1;
}
