// Hardhat: the test files of hardhat/test, as `hardhat test` runs them.
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { area, expect, rpc, same } from "./lib/check.mjs";
import { hardhat, project } from "./lib/hardhat.mjs";
import { scratch } from "./lib/tool.mjs";
import { provider } from "./lib/wire.mjs";

/** The events of mocha's reporter `json-stream`: `[name, what]`, a line each. */
const reported = (text) => text.split("\n").flatMap((line) => (/^\["/.test(line) ? [JSON.parse(line)] : []));

await area("hardhat", async (check) => {
  const env = { WEFT_RPC: rpc, WEFT_MOCHA_REPORTER: "json-stream", WEFT_IGNITION: join(scratch, "ignition") };
  const ran = await hardhat(["test", "--no-compile"], env);
  const told = reported(ran.stdout);
  for (const [event, { fullTitle, err, stack }] of told.filter(([name]) => name === "pass" || name === "fail")) {
    await check(fullTitle, async () => {
      if (event === "fail") throw new Error(`${err}\n${stack}`);
    });
  }
  await check("every test file was run to its end, none skipped", async () => {
    const end = told.find(([name]) => name === "end")?.[1];
    expect(end !== undefined, `an end: ${ran.stderr.slice(0, 2_000)}`);
    same(end.suites, readdirSync(join(project, "test")).length, "suites, one a file");
    same(end.pending, 0, "skipped");
    same(end.passes, end.tests, "tests that passed");
    expect(end.tests > 0, "tests");
  });
  await check("ignition deploy --network localhost, with the accounts of the node", async () => {
    const module = join(scratch, "localhost/modules/Treasury.cjs");
    const command = ["ignition", "deploy", module, "--network", "localhost"];
    // What it remembers of the chain stays out of the source tree.
    const folder = join(scratch, "localhost");
    mkdirSync(folder);
    symlinkSync(join(project, "ignition/modules"), join(folder, "modules"));
    const deploy = async () => {
      const { code, stdout, stderr } = await hardhat(command, { ...env, WEFT_IGNITION: folder });
      same(code, 0, `exit code (${stdout}${stderr})`);
      return stdout;
    };
    const text = await deploy();
    const address = /Treasury#Treasury - (0x[0-9a-fA-F]{40})/.exec(text)?.[1];
    expect(address && (await provider.getCode(address)).length > 2, `code at the contract's address: ${text}`);
    expect(/Nothing new to deploy/.test(await deploy()), "nothing to do a second time");
  });
});
