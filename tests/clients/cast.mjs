// Foundry's cast: every question a person asks a node from a shell.
import { area, expect, same } from "./lib/check.mjs";
import { contracts } from "./lib/contracts.mjs";
import { account, tool } from "./lib/tool.mjs";

const cast = tool("cast");
const json = async (...args) => JSON.parse(await cast(...args, "--json"));
const { address, key } = account("cast");
const FRIEND = `0x${"c0".repeat(20)}`;

await area("cast", async (check) => {
  await check("chain-id", async () => same(await cast("chain-id"), 31337));
  await check("client version", async () => expect((await cast("client")).length > 0, "a version"));
  await check("balance", async () => {
    const ether = Number(await cast("balance", address, "--ether"));
    expect(ether > 1_000 && ether <= 10_000, `a funded account, not ${ether} ether`);
  });
  await check("gas-price and base-fee", async () => {
    const price = BigInt(await cast("gas-price"));
    const base = BigInt(await cast("base-fee"));
    expect(price >= base && base > 0n, `price ${price} >= base fee ${base} > 0`);
  });
  await check("estimate of a transfer is 21000", async () =>
    same(await cast("estimate", FRIEND, "--value", "1gwei", "--from", address), 21_000),
  );

  const nonce = await check("nonce", async () => Number(await cast("nonce", address)));
  const sent = await check("send moves ether, exactly", async () => {
    const before = BigInt(await cast("balance", address));
    const friend = BigInt(await cast("balance", FRIEND));
    const receipt = await json("send", FRIEND, "--value", "1ether", "--private-key", key);
    same(receipt.status, "0x1", "status");
    same(receipt.gasUsed, "0x5208", "gas used");
    const fee = BigInt(receipt.gasUsed) * BigInt(receipt.effectiveGasPrice);
    same(BigInt(await cast("balance", FRIEND)), friend + 10n ** 18n, "friend's balance");
    same(BigInt(await cast("balance", address)), before - 10n ** 18n - fee, "sender's balance");
    same(await cast("nonce", address), nonce + 1, "nonce");
    return receipt;
  });
  await check("receipt and transaction agree with the block", async () => {
    const receipt = await json("receipt", sent.transactionHash);
    const transaction = await json("tx", sent.transactionHash);
    const block = await json("block", sent.blockHash);
    same(receipt.blockHash, sent.blockHash, "block of the receipt");
    same(transaction.blockHash, sent.blockHash, "block of the transaction");
    same(transaction.nonce, `0x${nonce.toString(16)}`, "nonce");
    same(block.number, sent.blockNumber, "number");
    same(block.transactions[Number(sent.transactionIndex)], sent.transactionHash, "place in the block");
    expect(BigInt(await cast("block-number")) >= BigInt(sent.blockNumber), "the head not below the receipt");
    expect((block.extraData.length - 2) / 2 <= 32, "at most 32 bytes of extra data");
  });
  await check("legacy transaction", async () => {
    const receipt = await json("send", FRIEND, "--value", "1", "--legacy", "--private-key", key);
    same(receipt.type, "0x0", "type");
    same(receipt.status, "0x1", "status");
  });
  await check("transaction made offline, then published", async () => {
    const raw = await cast("mktx", FRIEND, "--value", "1", "--private-key", key);
    const hash = await cast("keccak", raw);
    const receipt = JSON.parse(await cast("publish", raw));
    same(receipt.transactionHash ?? receipt, hash, "hash");
  });

  const { bytecode } = contracts().Counter;
  const start = "0".repeat(62) + "2a";
  const counter = await check("contract creation", async () => {
    const receipt = await json("send", "--private-key", key, "--create", bytecode + start);
    same(receipt.status, "0x1", "status");
    expect((await cast("code", receipt.contractAddress)).length > 2, "code at the address");
    return receipt.contractAddress;
  });
  await check("call, send and call again", async () => {
    same(await cast("call", counter, "count()(uint256)"), 42);
    await json("send", counter, "add(uint256)", "8", "--private-key", key);
    same(await cast("call", counter, "count()(uint256)"), 50);
    same(BigInt(await cast("storage", counter, "0")), 50, "storage slot 0");
  });
  await check("call at an older block", async () => {
    const block = await cast("block-number");
    await json("send", counter, "add(uint256)", "1", "--private-key", key);
    same(await cast("call", counter, "count()(uint256)", "--block", block), 50);
    same(await cast("call", counter, "count()(uint256)"), 51);
  });
  await check("logs", async () => {
    const from = ["--from-block", sent.blockNumber, "--to-block", "latest"];
    const logs = await json("logs", "Counted(address indexed,uint256)", "--address", counter, ...from);
    same(logs.length, 2, "logs");
    same(BigInt(logs[0].data), 50, "first count");
    same(BigInt(logs[1].topics[1]), BigInt(address), "who counted");
    same((await json("logs", "--address", FRIEND, ...from)).length, 0, "logs of an account without code");
  });
  await check("trace_filter finds the calls of an account to a contract, from its creation on", async () => {
    const filter = { fromBlock: sent.blockNumber, toBlock: "latest", fromAddress: [address], toAddress: [counter] };
    const ask = async (more) => JSON.parse(await cast("rpc", "trace_filter", JSON.stringify({ ...filter, ...more })));
    const calls = await ask({});
    same(
      calls.map(({ type, traceAddress }) => [type, ...traceAddress]),
      ["create", "call", "call"],
      "what they are",
    );
    same(calls[0].result.address, counter.toLowerCase(), "what was made");
    for (const { transactionHash, blockHash } of calls) {
      same((await json("receipt", transactionHash)).blockHash, blockHash, "block");
    }
    same(JSON.stringify(await ask({ after: 1, count: 1 })), JSON.stringify([calls[1]]), "the second alone");
    same((await ask({ fromAddress: [FRIEND] })).length, 0, "calls of an account that made none");
  });
});
