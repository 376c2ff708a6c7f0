// Plain JSON-RPC, and transactions signed here with fields that no library would fill in.
import { HDNodeWallet, JsonRpcProvider, Wallet, parseEther, parseUnits } from "ethers";
import { ACCOUNT, MNEMONIC, expect, rpc } from "./check.mjs";

export const provider = new JsonRpcProvider(rpc, undefined, { cacheTimeout: -1, pollingInterval: 50 });
export const wallet = HDNodeWallet.fromPhrase(MNEMONIC, "", `m/44'/60'/0'/0/${ACCOUNT.errors}`).connect(provider);
/** Has no code and no key. */
export const FRIEND = `0x${"e0".repeat(20)}`;
export const CHAIN = 31337;

/** The answer to a body, as it is on the wire. */
export async function post(body) {
  const answer = await fetch(rpc, { method: "POST", headers: { "content-type": "application/json" }, body });
  const text = await answer.text();
  return { status: answer.status, json: text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : undefined };
}

/** The answer to one call, with its error if it has one. */
export const ask = async (method, ...params) =>
  (await post(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }))).json;

/** A new account with ether. */
export async function newcomer(value = parseEther("1")) {
  const fresh = Wallet.createRandom(provider);
  await (await wallet.sendTransaction({ to: fresh.address, value })).wait();
  return fresh;
}

/** Fields that are right unless said otherwise. */
export const transfer = (nonce, more = {}) => ({
  type: 2,
  chainId: CHAIN,
  nonce,
  to: FRIEND,
  value: 1n,
  gasLimit: 21_000n,
  maxFeePerGas: parseUnits("20", "gwei"),
  maxPriorityFeePerGas: parseUnits("1", "gwei"),
  ...more,
});

/** The JSON-RPC error to a transaction signed with these fields. */
export async function rawError(from, fields) {
  const { error, result } = await ask("eth_sendRawTransaction", await from.signTransaction(fields));
  expect(error !== undefined, `an error, not ${result}`);
  return error;
}
