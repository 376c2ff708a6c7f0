// The gRPC examples of proto/examples, as they stand: each is a program that ends with 0 if what it shows is so.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { area, expect, rpc } from "./lib/check.mjs";
import { compiled, examples } from "./lib/examples.mjs";
import { cache, here } from "./lib/paths.mjs";

const { WEFT_SEQUENCER: sequencer = "127.0.0.1:9100", WEFT_DA: da = "127.0.0.1:9200" } = process.env;
const env = { ...process.env, WEFT_PROTO: join(here, "../../proto"), PYTHONDONTWRITEBYTECODE: "1" };

/** Runs a program; resolves to what it printed. */
async function run(program, ...parameters) {
  const { stdout } = await promisify(execFile)(program, parameters, { env, timeout: 60_000 });
  return stdout;
}

const python = (name, ...parameters) =>
  run(join(cache, "python/bin/python"), join(here, examples, "python", name), ...parameters);
const typescript = (name, ...parameters) => run(process.execPath, join(compiled(), name), ...parameters);

await area("examples", async (check) => {
  const toSequencer = ["--sequencer", sequencer, "--rpc", rpc];
  for (const [what, does] of [
    ["Python sends a transaction and follows it to finality", () => python("transactions.py", ...toSequencer)],
    ["TypeScript sends a transaction and follows it to finality", () => typescript("transactions.js", ...toSequencer)],
  ]) {
    await check(what, async () => {
      const printed = await does();
      expect(/the stream shows it in block \d+[^]*final in batch \d+\n$/.test(printed), `all steps, not ${printed}`);
    });
  }
  for (const [what, does] of [
    ["Python stores a document, and checks that it is there and what is beside it", () => python("blobs.py", "--da", da)],
    ["TypeScript stores a document and lists its namespace", () => typescript("blobs.js", "--da", da)],
  ]) {
    await check(what, async () => {
      const printed = await does();
      expect(/stored as 0x[^]*\d+ documents in \d+ blocks.*\n$/.test(printed), `all steps, not ${printed}`);
    });
  }
});
