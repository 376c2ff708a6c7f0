// What there is to see: payments, an ERC-20 and an ERC-721 with transfers, calls that want the same slot, a revert.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, contracts } from "../clients/lib/contracts.mjs";
import { require } from "../clients/lib/paths.mjs";

const { Contract, ContractFactory, HDNodeWallet, JsonRpcProvider, Wallet, parseEther } = require("ethers");
/** The development accounts; the first three are spent from. */
const MNEMONIC = "test test test test test test test test test test test junk";
const here = dirname(fileURLToPath(import.meta.url));
const source = (name) => [name, readFileSync(join(here, "contracts", name), "utf8")];

/** Calls of the busy contract, from as many senders: enough that several threads are worth it. */
const CALLERS = 60;
const ROUNDS = 400n;

/** Pauses between two payments, and between two calls of the crowd, milliseconds. */
const CALM_MS = 250;
const CROWD_MS = 1_500;
/** Bytes of a call that nothing makes smaller. */
const NOISE_BYTES = 40_000;
/** Is paid so often before all else, and never again. */
const HERMIT = `0x${"e1".repeat(20)}`;
const EARLY = 30;
/** Has no key. */
const FRIEND = `0x${"e0".repeat(20)}`;

/** Makes the traffic; resolves to the facts that a test wants to find again, and what makes more of it. */
export async function traffic(rpc) {
  const provider = new JsonRpcProvider(rpc, undefined, { cacheTimeout: -1, pollingInterval: 50 });
  const [alice, bob] = [0, 1].map((at) =>
    HDNodeWallet.fromPhrase(MNEMONIC, "", `m/44'/60'/0'/0/${at}`).connect(provider),
  );
  const { Token } = contracts();
  const { Picture, Counter } = compile([source("Picture.sol"), source("Counter.sol")]);
  const deploy = async ({ abi, bytecode }, ...args) => {
    const made = await new ContractFactory(abi, bytecode, alice).deploy(...args);
    await made.waitForDeployment();
    return new Contract(await made.getAddress(), abi, alice);
  };
  const mined = async (sent) => (await sent).wait();
  const early = await payEarly(provider, bob);
  const token = await deploy(Token, parseEther("1000000"));
  const picture = await deploy(Picture);
  const counter = await deploy(Counter);
  const payment = await mined(bob.sendTransaction({ to: alice.address, value: parseEther("1.25") }));
  const fungible = await mined(token.transfer(bob.address, parseEther("12.5")));
  const unique = await mined(picture.mint(bob.address, 7n));
  const reverted = await mined(picture.mint(bob.address, 7n, { gasLimit: 200_000n })).catch((error) => error.receipt);
  // Noise, so that its batch is large enough to be sampled and not downloaded as it is.
  const noise = `0x${randomBytes(NOISE_BYTES).toString("hex")}`;
  const large = await mined(bob.sendTransaction({ to: bob.address, data: noise, gasLimit: 4_000_000n }));
  const again = await crowd(provider, alice, counter);
  await again();
  const move = () => mined(token.transfer(FRIEND, 1n));
  const facts = {
    alice: alice.address.toLowerCase(),
    bob: bob.address.toLowerCase(),
    token: token.target.toLowerCase(),
    picture: picture.target.toLowerCase(),
    counter: counter.target.toLowerCase(),
    payment: payment.hash,
    fungible: fungible.hash,
    unique: unique.hash,
    reverted: reverted.hash,
    large: large.hash,
    hermit: HERMIT,
    early,
  };
  return { facts, again, move };
}

/** Hashes of what the hermit is paid, in order. */
async function payEarly(provider, payer) {
  const first = await provider.getTransactionCount(payer.address);
  const paid = Array.from({ length: EARLY }, (_, at) =>
    payer.sendTransaction({ ...FEES, to: HERMIT, value: 1n, nonce: first + at, gasLimit: 21_000n }),
  );
  const sent = await Promise.all(paid);
  await Promise.all(sent.map((each) => each.wait()));
  return sent.map(({ hash }) => hash);
}

const FEES = { maxFeePerGas: 20_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n, chainId: 31337n, type: 2 };

/** New accounts with some ether; what it gives makes all of them call the counter at once, as often as it is called. */
async function crowd(provider, payer, counter) {
  const people = Array.from({ length: CALLERS }, () => Wallet.createRandom(provider));
  let nonce = await provider.getTransactionCount(payer.address);
  const paid = await Promise.all(
    people.map(({ address }) =>
      payer.sendTransaction({ to: address, value: parseEther("1"), nonce: nonce++, gasLimit: 21_000n }),
    ),
  );
  await Promise.all(paid.map((each) => each.wait()));
  const data = counter.interface.encodeFunctionData("add", [ROUNDS]);
  let round = 0;
  return async () => {
    const fields = { ...FEES, nonce: round, gasLimit: 600_000n, to: counter.target, data };
    round += 1;
    const signed = await Promise.all(people.map((each) => each.signTransaction(fields)));
    const hashes = await Promise.all(signed.map((raw) => provider.send("eth_sendRawTransaction", [raw])));
    await provider.waitForTransaction(hashes.at(-1));
  };
}

/** Pays every few milliseconds until told to stop, so that blocks keep coming. */
export async function trickle(rpc, every_ms, until, from) {
  const provider = new JsonRpcProvider(rpc, undefined, { cacheTimeout: -1 });
  const payer = HDNodeWallet.fromPhrase(MNEMONIC, "", `m/44'/60'/0'/0/${from}`).connect(provider);
  let nonce = await provider.getTransactionCount(payer.address);
  const open = new Set();
  while (!until.aborted) {
    const raw = await payer.signTransaction({ ...FEES, gasLimit: 21_000n, to: FRIEND, value: 1n, nonce: nonce++ });
    const one = provider.send("eth_sendRawTransaction", [raw]).finally(() => open.delete(one));
    open.add(one);
    await new Promise((resume) => setTimeout(resume, every_ms));
  }
  await Promise.all(open);
}

/**
 * Payments that never stop. Begun before all else: the chain makes no block while nobody sends anything, and who waits
 * for a receipt by waiting for blocks may wait for one that has been.
 */
export const calm = (rpc, until) => trickle(rpc, CALM_MS, until, 2);

/** What else goes on while views are looked at: now and then the crowd and a token. */
export async function background({ again, move }, until) {
  while (!until.aborted) {
    await Promise.all([again(), move()]);
    await new Promise((resume) => setTimeout(resume, CROWD_MS));
  }
}
