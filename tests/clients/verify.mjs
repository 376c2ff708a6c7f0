// Verification of sources as block explorers do it: a verifier that asks the chain (lib/verifier.mjs), and forge's
// `verify-bytecode` against both. (`forge verify-contract` looks up each compiler's build on the internet, so what it
// would send is sent here.)
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AbiCoder } from "ethers";
import { area, expect, refusal, rpc, same } from "./lib/check.mjs";
import { here, require } from "./lib/paths.mjs";
import { account, scratch, tool } from "./lib/tool.mjs";
import { verifier } from "./lib/verifier.mjs";
import { ask } from "./lib/wire.mjs";

const project = join(scratch, "project");
cpSync(join(here, "forge"), project, { recursive: true });
const { key } = account("forge");
const forge = tool("forge", { cwd: project, env: { FOUNDRY_SOLC: join(here, "lib/solc.mjs") } });
const { url } = await verifier(async (...question) => {
  const { result, error } = await ask(...question);
  if (error) throw new Error(error.message);
  return result;
});
const file = "src/Counter.sol";
const name = `${file}:Counter`;
const source = readFileSync(join(project, file), "utf8");

/** One call of the verifier's API. */
async function call(fields) {
  const body = new URLSearchParams({ module: "contract", apikey: "none", ...fields });
  const { status, result } = await (await fetch(url, { method: "POST", body })).json();
  if (status !== "1") throw new Error(result);
  return result;
}

/** Hands sources in, as forge does, and asks how it went. */
async function verify(contractaddress, content, start) {
  const settings = {
    optimizer: { enabled: true, runs: 200 },
    metadata: { useLiteralContent: false, bytecodeHash: "ipfs", appendCBOR: true },
    evmVersion: "prague",
    remappings: [],
    libraries: {},
  };
  const guid = await call({
    action: "verifysourcecode",
    codeformat: "solidity-standard-json-input",
    sourceCode: JSON.stringify({ language: "Solidity", sources: { [file]: { content } }, settings }),
    contractaddress,
    contractname: name,
    compilerversion: `v${require("solc").version().replace(".Emscripten.clang", "")}`,
    constructorArguements: AbiCoder.defaultAbiCoder().encode(["uint256"], [start]).slice(2),
  });
  return call({ action: "checkverifystatus", guid });
}

await area("verify", async (check) => {
  const create = async () => {
    await forge("build");
    const options = ["--broadcast", "--json", "--rpc-url", rpc, "--private-key", key, "--constructor-args", "12"];
    return JSON.parse(await forge("create", name, ...options)).deployedTo;
  };
  const counter = await check("forge create: a contract to verify", create);
  await check("wrong constructor parameters do not verify", async () => {
    const { message } = await refusal(verify(counter, source, 13));
    expect(/the creation's input differs/.test(message), `words about the creation, not: ${message}`);
  });
  await check("a changed source does not verify", async () => {
    const { message } = await refusal(verify(counter, source.replace("+= much", "+= much + 1"), 12));
    expect(/the code differs/.test(message), `words about the code, not: ${message}`);
    expect(/not verified/.test((await refusal(call({ action: "getabi", address: counter }))).message), "no ABI");
  });
  await check("the source verifies, by code and creation on the chain", async () => {
    same(await verify(counter, source, 12), "Pass - Verified", "outcome");
    expect(JSON.parse(await call({ action: "getabi", address: counter })).length > 0, "an ABI");
  });
  // Without a chain's name, which it cannot read back, and with the whole path.
  const bytecode = () => {
    const to = ["--verifier", "custom", "--verifier-url", url, "--verifier-api-key", "none", "--rpc-url", rpc];
    return forge("verify-bytecode", counter, join(project, name), ...to, "--constructor-args", "12");
  };
  await check("forge verify-bytecode: creation and runtime code, executed again on the chain's state", async () => {
    const told = await bytecode();
    for (const part of ["Creation", "Runtime"]) {
      expect(told.includes(`${part} code matched with status full`), `${part} code to match: ${told}`);
    }
    writeFileSync(join(project, file), source.replace("+= much", "+= much + 1"));
    const other = await bytecode().finally(() => writeFileSync(join(project, file), source));
    expect(!/matched/.test(other), `no match of another source: ${other}`);
  });
});
