#!/usr/bin/env node
// Prints the runtime code of Withdrawals.sol in hexadecimal, as in Withdrawals.hex. solc comes from tests/clients:
//
//   tests/clients/setup && node settlement/contracts/compile.mjs > settlement/contracts/Withdrawals.hex
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

const cache = join(process.env.WEFT_CACHE ?? join(homedir(), ".cache/weft"), "clients/");
const solc = createRequire(cache)("solc");
const input = {
  language: "Solidity",
  sources: { "Withdrawals.sol": { content: readFileSync(new URL("Withdrawals.sol", import.meta.url), "utf8") } },
  settings: {
    optimizer: { enabled: true, runs: 1_000_000 },
    evmVersion: "prague",
    // No metadata: the code is the same whatever the comments say.
    metadata: { appendCBOR: false, bytecodeHash: "none" },
    outputSelection: { "*": { "*": ["evm.deployedBytecode.object", "storageLayout"] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
for (const { severity, formattedMessage } of output.errors ?? []) {
  console.error(formattedMessage);
  if (severity === "error") process.exit(1);
}
console.log(output.contracts["Withdrawals.sol"].Withdrawals.evm.deployedBytecode.object);
