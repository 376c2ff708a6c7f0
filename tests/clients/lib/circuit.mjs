// Compiles the circuit and makes its Groth16 keys, once for each state of the sources.
//
// Every step is deterministic: the powers of tau and the circuit's key are moved by public beacons only. So the keys
// are worthless as secrets and equal on every machine, which is what a test wants.
//
//   node lib/circuit.mjs    prints the folder: opening.wasm, opening.zkey, vkey.json, Verifier.json
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "./contracts.mjs";
import { cache, digest, here, require, sources } from "./paths.mjs";

/** 2^9 = 512 constraints at most; the circuit has about 140. */
const POWER = 9;

/** Public and arbitrary; 2^10 hashes is the least that snarkjs takes. */
const BEACON = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";
const BEACON_ROUNDS = 10;

const KEEP = ["opening.wasm", "opening.zkey", "vkey.json", "Verifier.json"];

function build(folder) {
  const run = (cli, ...args) =>
    execFileSync(process.execPath, [cli, ...args], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  const circom = require.resolve("circom2/cli.js");
  const snarkjs = join(dirname(require.resolve("snarkjs")), "cli.cjs");
  writeFileSync(join(folder, "opening.circom"), readFileSync(join(here, "circuits/opening.circom")));
  run(circom, "opening.circom", "--r1cs", "--wasm");
  renameSync(join(folder, "opening_js/opening.wasm"), join(folder, "opening.wasm"));
  run(snarkjs, "powersoftau", "new", "bn128", `${POWER}`, "0.ptau");
  run(snarkjs, "powersoftau", "beacon", "0.ptau", "1.ptau", BEACON, `${BEACON_ROUNDS}`);
  run(snarkjs, "powersoftau", "prepare", "phase2", "1.ptau", "2.ptau");
  run(snarkjs, "groth16", "setup", "opening.r1cs", "2.ptau", "0.zkey");
  run(snarkjs, "zkey", "beacon", "0.zkey", "opening.zkey", BEACON, `${BEACON_ROUNDS}`);
  run(snarkjs, "zkey", "verify", "opening.r1cs", "2.ptau", "opening.zkey");
  run(snarkjs, "zkey", "export", "verificationkey", "opening.zkey", "vkey.json");
  run(snarkjs, "zkey", "export", "solidityverifier", "opening.zkey", "Verifier.sol");
  const { Groth16Verifier } = compile([["Verifier.sol", readFileSync(join(folder, "Verifier.sol"), "utf8")]]);
  writeFileSync(join(folder, "Verifier.json"), JSON.stringify(Groth16Verifier));
}

/** The folder with the circuit's files; builds them if they are not there. */
export function circuit() {
  const path = join(cache, "circuit", digest(sources("circuits"), POWER, BEACON, BEACON_ROUNDS));
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const work = mkdtempSync(`${path}-`);
  const done = mkdtempSync(`${path}-`);
  try {
    build(work);
    for (const name of KEEP) renameSync(join(work, name), join(done, name));
    renameSync(done, path);
  } finally {
    rmSync(work, { recursive: true, force: true });
    rmSync(done, { recursive: true, force: true });
  }
  return path;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(circuit());
