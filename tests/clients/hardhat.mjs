// Hardhat: the test files of hardhat/test, as `hardhat test` runs them.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { area, expect, rpc, same } from "./lib/check.mjs";
import { hardhat, project } from "./lib/hardhat.mjs";
import { scratch } from "./lib/tool.mjs";

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
});
