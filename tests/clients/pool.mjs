// The pool as clients see it: a gap in the nonces, a replacement, the same twice.
import { parseUnits } from "ethers";
import { area, eventually, expect, refusal, same } from "./lib/check.mjs";
import { ask, newcomer, provider, rawError, transfer } from "./lib/wire.mjs";

await area("pool", async (check) => {
  const sender = await newcomer();
  const gap = await check("a transaction after a gap waits, and is not in a block", async () => {
    const hash = (await sender.sendTransaction(transfer(1))).hash;
    const waiting = await ask("eth_getTransactionByHash", hash);
    same(waiting.result.blockHash, null, "block of the waiting transaction");
    same(waiting.result.blockNumber, null, "number of its block");
    same((await ask("eth_getTransactionReceipt", hash)).result, null, "receipt");
    same(await provider.getTransactionCount(sender.address, "pending"), 0, "pending nonce");
    return hash;
  });
  await check("the same again is known already", async () => {
    const error = await rawError(sender, transfer(1));
    expect(/known|already/i.test(error.message), `already known, not: ${error.message}`);
  });
  await check("an underpriced replacement (ethers)", async () => {
    const error = await refusal(sender.sendTransaction(transfer(1, { value: 2n })));
    same(error.code, "REPLACEMENT_UNDERPRICED", "code");
  });
  const replaced = await check("a replacement that pays more", async () => {
    const more = { maxFeePerGas: parseUnits("40", "gwei"), maxPriorityFeePerGas: parseUnits("2", "gwei"), value: 3n };
    return (await sender.sendTransaction(transfer(1, more))).hash;
  });
  await check("both are in blocks once the gap is closed, in order", async () => {
    const first = await (await sender.sendTransaction(transfer(0))).wait();
    const second = await eventually(() => provider.getTransactionReceipt(replaced));
    same([first.status, second.status], [1, 1], "status");
    const place = ({ blockNumber, index }) => blockNumber * 1e6 + index;
    expect(place(first) < place(second), "the order of nonces");
    same((await ask("eth_getTransactionReceipt", gap)).result, null, "receipt of the replaced transaction");
    same(await provider.getTransactionCount(sender.address), 2, "nonce");
  });
});
