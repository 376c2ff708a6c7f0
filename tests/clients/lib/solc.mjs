#!/usr/bin/env node
// solc for forge, offline: the compiler is the npm package solc.
import { readFileSync } from "node:fs";
import { require } from "./paths.mjs";

if (process.argv.includes("--version")) {
  console.log("solc, the solidity compiler commandline interface");
  console.log(`Version: ${require("solc/package.json").version}`);
} else {
  process.stdout.write(require("solc").compile(readFileSync(0, "utf8")));
}
