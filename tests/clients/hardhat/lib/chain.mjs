// What the test files share: deploying, waiting, new accounts, refusals, time.
import assert from "node:assert/strict";
import hre from "hardhat";

export const { ethers, ignition } = hre;
export const { parseEther } = ethers;

const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));

/** The receipt of a transaction that must succeed. Hardhat's own `wait` asks twice a second; blocks come faster. */
export async function done(sent) {
  const { hash } = await sent;
  for (;;) {
    const receipt = await ethers.provider.getTransactionReceipt(hash);
    if (receipt) {
      assert.equal(receipt.status, 1, "status");
      return receipt;
    }
    await pause(10);
  }
}

/** One of the project's contracts. */
export async function deploy(name, ...parameters) {
  const contract = await ethers.deployContract(name, parameters);
  await done(contract.deploymentTransaction());
  return contract;
}

/** A contract as its makers compiled it. */
export async function deployBuilt({ abi, bytecode }, ...parameters) {
  const contract = await (await ethers.getContractFactory(abi, bytecode)).deploy(...parameters);
  await done(contract.deploymentTransaction());
  return contract;
}

/** A new account with some ether. */
export async function newcomer(value = parseEther("1")) {
  const [rich] = await ethers.getSigners();
  const fresh = ethers.Wallet.createRandom().connect(ethers.provider);
  await done(rich.sendTransaction({ to: fresh.address, value }));
  return fresh;
}

/** The events of a contract in a receipt, in order: name and arguments. */
export function events(receipt, contract) {
  return receipt.logs
    .filter((log) => log.address === contract.target)
    .map((log) => contract.interface.parseLog(log))
    .map(({ name, args }) => ({ name, args: args.toArray() }));
}

/** The call must fail with this error of the contract, or with this text. */
export async function refused(call, contract, error, parameters) {
  const failure = await call.then(
    () => assert.fail(`expected ${error}`),
    (cause) => cause,
  );
  let data = failure;
  while (data !== undefined && typeof data !== "string") data = data.data ?? data.error ?? data.cause;
  assert.ok(data?.startsWith("0x"), `expected ${error} with its data, got ${failure.stack}`);
  const parsed = contract.interface.parseError(data);
  if (parsed.name === "Error") return assert.equal(parsed.args[0], error);
  assert.equal(parsed.name, error);
  if (parameters) assert.deepEqual(parsed.args.toArray(), parameters);
}

/** Lets blocks pass: the chain makes none while nobody sends anything. */
export async function passBlock(number) {
  const [sender] = await ethers.getSigners();
  while ((await ethers.provider.getBlockNumber()) < number) {
    await done(sender.sendTransaction({ to: sender.address }));
  }
}

/** Lets time pass until a block is later than `time_s`: real time, there is no other. */
export async function passTime(time_s) {
  for (;;) {
    const number = await ethers.provider.getBlockNumber();
    if ((await ethers.provider.getBlock(number)).timestamp > Number(time_s)) return;
    await pause(100);
    await passBlock(number + 1);
  }
}

/** Signs an EIP-712 message of a contract that tells its domain (EIP-5267). */
export async function signTyped(signer, contract, name, fields, message) {
  const { name: domainName, version, chainId, verifyingContract } = await contract.eip712Domain();
  const types = { [name]: fields.map((field) => ({ type: field.split(" ")[0], name: field.split(" ")[1] })) };
  return signer.signTypedData({ name: domainName, version, chainId, verifyingContract }, types, message);
}
