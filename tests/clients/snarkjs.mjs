// snarkjs: a Groth16 proof made here is judged by the verifier contract that snarkjs exports, through the node's
// pairing precompiles.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ContractFactory, HDNodeWallet, JsonRpcProvider } from "ethers";
import { ACCOUNT, MNEMONIC, area, expect, refusal, rpc, same } from "./lib/check.mjs";
import { circuit } from "./lib/circuit.mjs";
import { contracts } from "./lib/contracts.mjs";
import { require } from "./lib/paths.mjs";

const snarkjs = require("snarkjs");
const folder = circuit();
const file = (name) => join(folder, name);
const provider = new JsonRpcProvider(rpc, undefined, { cacheTimeout: -1, pollingInterval: 50 });
const wallet = HDNodeWallet.fromPhrase(MNEMONIC, "", `m/44'/60'/0'/0/${ACCOUNT.snarkjs}`).connect(provider);
const secret = { minimum: 1_000n, amount: 1_234_567n, salt: 0xfeedn };
const prove = (input) => snarkjs.groth16.fullProve(input, file("opening.wasm"), file("opening.zkey"));

async function deploy(abi, bytecode, ...parameters) {
  return (await new ContractFactory(abi, bytecode, wallet).deploy(...parameters)).waitForDeployment();
}

/** The verifier's parameters, as snarkjs writes them. */
async function parameters({ proof, publicSignals }) {
  return JSON.parse(`[${await snarkjs.groth16.exportSolidityCallData(proof, publicSignals)}]`);
}

await area("snarkjs", async (check) => {
  const made = await check("prove", async () => {
    const made = await prove(secret);
    same(made.publicSignals[1], secret.minimum, "public minimum");
    const key = JSON.parse(readFileSync(file("vkey.json"), "utf8"));
    expect(await snarkjs.groth16.verify(key, made.publicSignals, made.proof), "snarkjs to accept its proof");
    return made;
  });
  await check("a false statement has no proof", async () => {
    const { error } = console; // where the circuit's code complains
    console.error = () => {};
    await refusal(prove({ ...secret, minimum: secret.amount + 1n }));
    console.error = error;
  });
  const { verifier, register } = await check("deploy the exported verifier, and a contract that asks it", async () => {
    const { abi, bytecode } = JSON.parse(readFileSync(file("Verifier.json"), "utf8"));
    const verifier = await deploy(abi, bytecode);
    const { Register } = contracts();
    return { verifier, register: await deploy(Register.abi, Register.bytecode, await verifier.getAddress()) };
  });
  await check("a true proof is accepted on chain", async () => {
    const call = await parameters(made);
    same(await verifier.verifyProof(...call), true, "verdict");
    const receipt = await (await register.prove(...call)).wait();
    expect(receipt.gasUsed > 181_000n, `the price of a pairing check at least, not ${receipt.gasUsed} gas`);
    same(await register.minimum(made.publicSignals[0]), secret.minimum, "registered minimum");
  });
  await check("a proof of something else is rejected on chain", async () => {
    const [a, b, c, [commitment]] = await parameters(made);
    const raised = [commitment, secret.minimum + 1n];
    same(await verifier.verifyProof(a, b, c, raised), false, "verdict on a raised minimum");
    same(
      (await refusal(register.prove.staticCall(a, b, c, raised))).revert?.name,
      "NotProved",
      "what the register says",
    );
    const sent = await register.prove(a, b, c, raised, { gasLimit: 1_000_000n });
    same((await refusal(sent.wait())).receipt?.status, 0, "status of a transaction with it");
    same(await register.minimum(made.publicSignals[0]), secret.minimum, "registered minimum");
    const other = await parameters(await prove({ ...secret, salt: 7n }));
    same(await verifier.verifyProof(a, b, c, other[3]), false, "verdict on another commitment");
    same(await verifier.verifyProof(other[0], b, c, [commitment, secret.minimum]), false, "verdict on mixed proofs");
  });
  await check("a point that is not on the curve is rejected on chain", async () => {
    const [[x, y], b, c, signals] = await parameters(made);
    same(await verifier.verifyProof([x, BigInt(y) + 1n], b, c, signals), false, "verdict");
  });
});
