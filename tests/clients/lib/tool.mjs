// Runs cast and forge as a person would, but offline and with a home folder of their own.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { HDNodeWallet } from "ethers";
import { ACCOUNT, MNEMONIC, rpc } from "./check.mjs";
import { foundry } from "./paths.mjs";

const run = promisify(execFile);

/** A folder that nothing else uses. */
export const scratch = mkdtempSync(join(tmpdir(), "weft-clients-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

/** Address and private key of an area's account. */
export function account(area) {
  const { address, privateKey } = HDNodeWallet.fromPhrase(MNEMONIC, "", `m/44'/60'/0'/0/${ACCOUNT[area]}`);
  return { address, key: privateKey };
}

/** `tool(name, options)(...args)` resolves to what the program printed; a failure carries what it complained about. */
export function tool(name, { cwd = scratch, env = {} } = {}) {
  const options = {
    cwd,
    env: { ...process.env, HOME: scratch, FOUNDRY_OFFLINE: "true", ETH_RPC_URL: rpc, ...env },
    timeout: 30_000,
    maxBuffer: 64 << 20,
  };
  return async (...args) => {
    try {
      return (await run(foundry(name), args, options)).stdout.trim();
    } catch (error) {
      throw new Error(`${name} ${args.join(" ")}: ${error.stderr || error.message}`, { cause: error });
    }
  };
}
