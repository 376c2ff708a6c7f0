// Foundry's forge: builds offline with solc-js, deploys, and runs a deployment script.
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { area, expect, rpc, same } from "./lib/check.mjs";
import { here } from "./lib/paths.mjs";
import { account, scratch, tool } from "./lib/tool.mjs";

const project = join(scratch, "project");
cpSync(join(here, "forge"), project, { recursive: true });
const { address, key } = account("forge");
const options = { cwd: project, env: { FOUNDRY_SOLC: join(here, "lib/solc.mjs"), KEY: key } };
const forge = tool("forge", options);
const cast = tool("cast", options);
const count = (counter) => cast("call", counter, "count()(uint256)");

await area("forge", async (check) => {
  await check("build, offline", () => forge("build"));
  await check("create --broadcast", async () => {
    const created = JSON.parse(
      await forge(
        "create",
        "src/Counter.sol:Counter",
        "--broadcast",
        "--json",
        "--rpc-url",
        rpc,
        "--private-key",
        key,
        "--constructor-args",
        "12",
      ),
    );
    same(created.deployer, address, "deployer");
    same(await count(created.deployedTo), 12, "count");
  });
  await check("script --broadcast: three transactions at once", async () => {
    const before = Number(await cast("nonce", address));
    await forge("script", "script/Deploy.s.sol:Deploy", "--broadcast", "--rpc-url", rpc);
    same(await cast("nonce", address), before + 3, "nonce");
    const folder = join(project, "broadcast/Deploy.s.sol/31337");
    const file = readdirSync(folder).find((name) => name === "run-latest.json");
    const { transactions, receipts } = JSON.parse(readFileSync(join(folder, file), "utf8"));
    same(receipts.length, 3, "receipts");
    expect(
      receipts.every((receipt) => receipt.status === "0x1"),
      "every transaction to succeed",
    );
    same(await count(transactions[0].contractAddress), 42, "count");
  });
});
