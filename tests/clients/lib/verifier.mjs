// A verifier of sources, as block explorers have it: it compiles what it is given and compares that with what it finds
// on the chain, by the JSON-RPC alone: the code, and the creation's input (`trace_filter` finds the creation). Its API
// is the part of Etherscan's that tools use.
import { createServer } from "node:http";
import { getAddress, getCreateAddress } from "ethers";
import { require } from "./paths.mjs";

/** Where creations are looked for: a node traces blocks whose state it still has. */
const RECENT_BLOCKS = 1_000;

/** Compiles standard JSON; the contract named `file.sol:Name`. */
function compiled(source, name) {
  const input = JSON.parse(source);
  input.settings.outputSelection = { "*": { "*": ["abi", "evm.bytecode", "evm.deployedBytecode"] } };
  const output = JSON.parse(require("solc").compile(JSON.stringify(input)));
  const error = (output.errors ?? []).find(({ severity }) => severity === "error");
  if (error) throw new Error(error.formattedMessage);
  const at = name.lastIndexOf(":");
  const contract = output.contracts[name.slice(0, at)]?.[name.slice(at + 1)];
  if (!contract) throw new Error(`no contract ${name} in the sources`);
  return contract;
}

/** Code with the places zeroed that the constructor fills in. */
function withoutImmutables(code, references = {}) {
  const bytes = Buffer.from(code.replace(/^0x/, ""), "hex");
  for (const { start, length } of Object.values(references).flat()) bytes.fill(0, start, start + length);
  return bytes.toString("hex");
}

/** Listens; `ask(method, ...params)` asks the node. */
export async function verifier(ask) {
  const verified = new Map();
  const outcomes = new Map();

  /** The creation of a contract: its transaction, and the input. */
  async function creation(address) {
    const latest = Number(await ask("eth_blockNumber"));
    const fromBlock = `0x${Math.max(0, latest - RECENT_BLOCKS).toString(16)}`;
    const made = await ask("trace_filter", { fromBlock, toBlock: "latest", toAddress: [address] });
    const makes = ({ type, result }) => type === "create" && getAddress(result.address) === getAddress(address);
    const trace = made.find(makes);
    if (!trace) throw new Error("no creation of it on the chain");
    return trace;
  }

  async function verify({ sourceCode, contractaddress, contractname, constructorArguements = "" }) {
    const { abi, evm } = compiled(sourceCode, contractname);
    const { object, immutableReferences } = evm.deployedBytecode;
    const code = await ask("eth_getCode", contractaddress, "latest");
    if (withoutImmutables(code, immutableReferences) !== withoutImmutables(object, immutableReferences))
      throw new Error("the code differs");
    const made = await creation(contractaddress);
    if (made.action.init !== `0x${evm.bytecode.object}${constructorArguements.replace(/^0x/, "")}`)
      throw new Error("the creation's input differs");
    // The transaction says the same: who made it, and with which nonce.
    const { from, nonce, blockHash } = await ask("eth_getTransactionByHash", made.transactionHash);
    const address = getCreateAddress({ from, nonce: Number(nonce) });
    if (address !== getAddress(contractaddress) || blockHash !== made.blockHash)
      throw new Error("the creation's transaction differs");
    return { ABI: JSON.stringify(abi), SourceCode: `{${sourceCode}}`, ContractName: contractname.split(":").at(-1) };
  }

  const unknown = { SourceCode: "", ABI: "Contract source code not verified", ContractName: "" };
  const actions = {
    async verifysourcecode(form) {
      const guid = `guid-${outcomes.size}`;
      try {
        const about = { ...(await verify(form)), CompilerVersion: form.compilerversion, settings: form };
        verified.set(getAddress(form.contractaddress), about);
        outcomes.set(guid, [true, "Pass - Verified"]);
      } catch (error) {
        outcomes.set(guid, [false, `Fail - Unable to verify: ${error.message}`]);
      }
      return [true, guid];
    },
    checkverifystatus: async ({ guid }) => outcomes.get(guid) ?? [false, "Unknown UID"],
    async getabi({ address }) {
      const about = verified.get(getAddress(address));
      return about ? [true, about.ABI] : [false, unknown.ABI];
    },
    async getsourcecode({ address }) {
      const { settings, ...about } = verified.get(getAddress(address)) ?? unknown;
      const input = settings ? JSON.parse(settings.sourceCode).settings : {};
      const compiler = {
        CompilerVersion: "",
        OptimizationUsed: input.optimizer?.enabled ? "1" : "0",
        Runs: String(input.optimizer?.runs ?? 200),
        ConstructorArguments: settings?.constructorArguements ?? "",
        EVMVersion: input.evmVersion ?? "Default",
      };
      const none = { Library: "", LicenseType: "", Proxy: "0", Implementation: "", SwarmSource: "" };
      return [true, [{ ...compiler, ...none, ...about }]];
    },
    async getcontractcreation({ contractaddresses }) {
      const { action, transactionHash } = await creation(contractaddresses);
      return [true, [{ contractAddress: contractaddresses, contractCreator: action.from, txHash: transactionHash }]];
    },
  };

  const server = createServer(async (request, response) => {
    const body = [];
    for await (const chunk of request) body.push(chunk);
    const given = new URL(request.url, "http://localhost").searchParams;
    const sent = new URLSearchParams(Buffer.concat(body).toString());
    const form = { ...Object.fromEntries(given), ...Object.fromEntries(sent) };
    let answer;
    try {
      if (!Object.hasOwn(actions, form.action)) throw new Error(`no action ${form.action}`);
      answer = await actions[form.action](form);
    } catch (error) {
      answer = [false, error.message];
    }
    const [good, result] = answer;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ status: good ? "1" : "0", message: good ? "OK" : "NOTOK", result }));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${server.address().port}/api`, verified };
}
