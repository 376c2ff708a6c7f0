// Compiles the contracts with solc-js, once for each state of the sources, and hands out ABI and code.
//
//   node lib/contracts.mjs    prints the path of the compiled contracts (JSON: name -> {abi, bytecode})
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cache, digest, require, sources, writeWhole } from "./paths.mjs";

const settings = {
  optimizer: { enabled: true, runs: 200 },
  evmVersion: "prague",
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
};

/** Compiles `[file name, text]` pairs; imports come from npm packages. */
export function compile(files) {
  const solc = require("solc");
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(files.map(([name, content]) => [name, { content }])),
    settings,
  };
  const read = (path) => {
    try {
      return { contents: readFileSync(require.resolve(path), "utf8") };
    } catch {
      return { error: `no such package file: ${path}` };
    }
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: read }));
  const errors = (output.errors ?? []).filter((each) => each.severity === "error");
  if (errors.length > 0) throw new Error(errors.map((each) => each.formattedMessage).join("\n"));
  const compiled = {};
  for (const [file] of files) {
    for (const [name, { abi, evm }] of Object.entries(output.contracts[file])) {
      compiled[name] = { abi, bytecode: `0x${evm.bytecode.object}` };
    }
  }
  return compiled;
}

/** The path of the compiled contracts of `contracts/` and of the forge project. */
export function compiledPath() {
  const files = [...sources("contracts"), ...sources("forge/src")];
  const path = join(cache, "contracts", `${digest(files, settings)}.json`);
  if (!existsSync(path)) writeWhole(path, JSON.stringify(compile(files)));
  return path;
}

/** Name -> {abi, bytecode}. */
export function contracts() {
  return JSON.parse(readFileSync(compiledPath(), "utf8"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(compiledPath());
