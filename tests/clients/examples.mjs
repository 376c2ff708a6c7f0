// The gRPC examples of proto/examples, as they stand: each is a program that ends with 0 if what it shows is so.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { HDNodeWallet, JsonRpcProvider } from "ethers";
import { ACCOUNT, MNEMONIC, area, expect, rpc } from "./lib/check.mjs";
import { compiled, examples } from "./lib/examples.mjs";
import { cache, here } from "./lib/paths.mjs";

const { WEFT_SEQUENCER: sequencer = "127.0.0.1:9100", WEFT_DA: da = "127.0.0.1:9200", WEFT_EXAMPLES } = process.env;
const env = { ...process.env, WEFT_PROTO: join(here, "../../proto"), PYTHONDONTWRITEBYTECODE: "1" };

/** Runs a program; resolves to what it printed. */
async function run(program, ...parameters) {
  const { stdout } = await promisify(execFile)(program, parameters, { env, timeout: 60_000 });
  return stdout;
}

const python = (name, ...parameters) =>
  run(join(cache, "python/bin/python"), join(here, examples, "python", name), ...parameters);
const typescript = (name, ...parameters) => run(process.execPath, join(compiled(), name), ...parameters);

/** The Rust examples are built by cargo, into the folder that WEFT_EXAMPLES names. */
const rust = (name, ...parameters) => run(join(WEFT_EXAMPLES, name), ...parameters);

/** A signed transfer, as bytes. */
async function transfer() {
  const provider = new JsonRpcProvider(rpc, undefined, { cacheTimeout: -1 });
  const wallet = HDNodeWallet.fromPhrase(MNEMONIC, "", `m/44'/60'/0'/0/${ACCOUNT.errors}`).connect(provider);
  return wallet.signTransaction(await wallet.populateTransaction({ to: wallet.address, value: 1n }));
}

/** What the programs print at their end. */
const FINAL = /the stream shows it in block \d+[^]*final in batch \d+\n$/;
const LISTED = /stored as 0x[^]*\d+ documents .*\n$/;
const toSequencer = ["--sequencer", sequencer, "--rpc", rpc];

await area("examples", async (check) => {
  const runs = [
    ["Python sends a transaction and follows it to finality", FINAL, () => python("transactions.py", ...toSequencer)],
    ["Python stores a document and checks its proofs", LISTED, () => python("blobs.py", "--da", da)],
    ["TypeScript sends a transaction and follows it", FINAL, () => typescript("transactions.js", ...toSequencer)],
    ["TypeScript stores a document and lists its namespace", LISTED, () => typescript("blobs.js", "--da", da)],
  ];
  if (WEFT_EXAMPLES) {
    const send = async () => rust("transactions", await transfer(), `http://${sequencer}`);
    runs.push(["Rust sends a transaction and follows it to finality", FINAL, send]);
    runs.push(["Rust stores a document and checks its proofs", LISTED, () => rust("blobs", `http://${da}`)]);
  } else {
    console.log("the Rust examples are not run: WEFT_EXAMPLES does not name their folder");
  }
  for (const [what, wanted, does] of runs) {
    await check(what, async () => {
      const printed = await does();
      expect(wanted.test(printed), `all steps, not ${printed}`);
    });
  }
});
