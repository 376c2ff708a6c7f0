// viem: clients over HTTP and WebSocket, events, EIP-7702, EIP-7966, fee history.
import {
  createPublicClient,
  createWalletClient,
  encodeAbiParameters,
  getContractAddress,
  hashMessage,
  http,
  keccak256,
  parseEther,
  parseSignature,
  webSocket,
  zeroAddress,
} from "viem";
import { generatePrivateKey, mnemonicToAccount, privateKeyToAccount } from "viem/accounts";
import { foundry } from "viem/chains";
import { ACCOUNT, MNEMONIC, area, eventually, expect, rpc, same, ws } from "./lib/check.mjs";
import { contracts } from "./lib/contracts.mjs";

// viem's "foundry" is the chain with id 31337; the node is the one under test.
const common = { chain: foundry, pollingInterval: 50, cacheTime: 0 };
const node = createPublicClient({ ...common, transport: http(rpc, { batch: true }) });
const socket = createPublicClient({ ...common, transport: webSocket(ws) });
const wallet = createWalletClient({
  ...common,
  transport: http(rpc),
  account: mnemonicToAccount(MNEMONIC, { addressIndex: ACCOUNT.viem }),
});
const { Counter, Account } = contracts();

const done = async (hash) => {
  const receipt = await node.waitForTransactionReceipt({ hash });
  same(receipt.status, "success", "status");
  return receipt;
};
const stranger = () => privateKeyToAccount(generatePrivateKey());

async function deploy({ abi, bytecode }, args = []) {
  return (await done(await wallet.deployContract({ abi, bytecode, args }))).contractAddress;
}

async function basics(check) {
  await check("chain id, block, balance", async () => {
    same(await node.getChainId(), 31337, "chain id");
    const block = await node.getBlock({ includeTransactions: true });
    expect(block.baseFeePerGas > 0n && block.gasLimit > 0n, "a base fee and a gas limit");
    expect((block.extraData.length - 2) / 2 <= 32, "at most 32 bytes of extra data");
    expect((await node.getBalance({ address: wallet.account.address })) > 0n, "a funded account");
  });
  await check("sendTransaction and its receipt", async () => {
    const to = stranger().address;
    const hash = await wallet.sendTransaction({ to, value: parseEther("0.5") });
    const receipt = await done(hash);
    same(await node.getBalance({ address: to }), parseEther("0.5"), "balance");
    const sent = await node.getTransaction({ hash });
    same(sent.blockHash, receipt.blockHash, "block");
    same(sent.type, "eip1559", "type");
    same(receipt.cumulativeGasUsed >= receipt.gasUsed, true, "gas adds up");
  });
  await check("sendRawTransactionSync answers with the receipt (EIP-7966)", async () => {
    const request = await wallet.prepareTransactionRequest({ to: stranger().address, value: 3n });
    const serializedTransaction = await wallet.signTransaction(request);
    const receipt = await wallet.sendRawTransactionSync({ serializedTransaction });
    same(receipt.status, "success", "status");
    same(receipt.transactionHash, keccak256(serializedTransaction), "hash");
    same((await node.getTransactionReceipt({ hash: receipt.transactionHash })).blockHash, receipt.blockHash, "block");
  });
  await check("blocks by tag: finalized <= safe <= latest <= pending", async () => {
    const tags = ["finalized", "safe", "latest", "pending"];
    const numbers = [];
    for (const blockTag of tags) {
      const block = await node.getBlock({ blockTag });
      numbers.push(block.number ?? (await node.getBlockNumber()) + 1n);
    }
    expect(
      numbers.every((number, index) => index === 0 || number >= numbers[index - 1]),
      `ascending numbers, not ${numbers}`,
    );
    same((await node.getBlock({ blockTag: "earliest" })).number, 0, "earliest");
  });
  await check("fee history agrees with the blocks", async () => {
    const history = await node.getFeeHistory({ blockCount: 4, rewardPercentiles: [25, 75] });
    const blocks = history.gasUsedRatio.length;
    same(history.baseFeePerGas.length, blocks + 1, "base fees: one more than blocks");
    same(history.reward.length, blocks, "rewards");
    for (let index = 0; index < blocks; index += 1) {
      const block = await node.getBlock({ blockNumber: history.oldestBlock + BigInt(index) });
      same(history.baseFeePerGas[index], block.baseFeePerGas, "base fee");
      same(history.reward[index].length, 2, "percentiles");
      const ratio = Number(block.gasUsed) / Number(block.gasLimit);
      expect(Math.abs(history.gasUsedRatio[index] - ratio) < 1e-9, "the block's share of gas");
    }
    const fees = await node.estimateFeesPerGas();
    expect(fees.maxFeePerGas > fees.maxPriorityFeePerGas, "an estimate");
  });
}

async function contract(check) {
  const address = await check("deploy", async () => {
    const predicted = getContractAddress({
      from: wallet.account.address,
      nonce: BigInt(await node.getTransactionCount(wallet.account)),
    });
    const address = await deploy(Counter, [1n]);
    same(address.toLowerCase(), predicted.toLowerCase(), "address");
    return address;
  });
  const counter = { address, abi: Counter.abi };
  const add = async (much) => done(await wallet.writeContract({ ...counter, functionName: "add", args: [much] }));
  await check("simulate, write, read", async () => {
    const { request } = await node.simulateContract({
      ...counter,
      functionName: "add",
      args: [4n],
      account: wallet.account,
    });
    await done(await wallet.writeContract(request));
    same(await node.readContract({ ...counter, functionName: "count" }), 5, "count");
  });
  await check("many reads in one batch, and in one call", async () => {
    const read = { ...counter, functionName: "count" };
    same(await Promise.all(Array.from({ length: 20 }, () => node.readContract(read))), Array(20).fill(5n), "batch");
    const together = await node.multicall({ contracts: [read, read, read], deployless: true, allowFailure: false });
    same(together, [5n, 5n, 5n], "one call that runs creation code");
  });
  await check("a call with changed state", async () => {
    const stateOverride = [{ address, stateDiff: [{ slot: `0x${"0".repeat(64)}`, value: `0x${"0".repeat(62)}63` }] }];
    same(await node.readContract({ ...counter, functionName: "count", stateOverride }), 99, "count");
  });
  await check("getLogs and getContractEvents", async () => {
    const receipt = await add(2n);
    const event = Counter.abi.find((item) => item.name === "Counted");
    const logs = await node.getLogs({ address, event, fromBlock: receipt.blockNumber, toBlock: receipt.blockNumber });
    same(logs.length, 1, "logs");
    same(logs[0].args.count, 7, "count");
    const mine = await node.getContractEvents({
      ...counter,
      eventName: "Counted",
      args: { by: wallet.account.address },
      fromBlock: "earliest",
    });
    same(mine.length, 2, "events of this account");
  });
  for (const [way, client] of [
    ["polling a filter", node],
    ["WebSocket", socket],
  ]) {
    await check(`watchEvent by ${way}`, async () => {
      const seen = [];
      const failures = [];
      const stop = client.watchContractEvent({
        ...counter,
        eventName: "Counted",
        onLogs: (logs) => seen.push(...logs),
        onError: (error) => failures.push(error),
      });
      // The watch has no "ready": later questions on the same connection come after its own.
      for (let turn = 0; turn < 5; turn += 1)
        await new Promise((resume) => setTimeout(resume, 60)).then(() => client.getBlockNumber());
      const receipts = [await add(1n), await add(1n)];
      await eventually(() => seen.length >= 2 || failures.length > 0);
      stop();
      expect(failures.length === 0, `no failure: ${failures[0]}`);
      same(
        seen.map((log) => log.transactionHash),
        receipts.map((receipt) => receipt.transactionHash),
        "transactions",
      );
    });
  }
  await check("watchBlocks by WebSocket", async () => {
    const seen = [];
    const stop = socket.watchBlocks({ onBlock: (block) => seen.push(block) });
    for (let turn = 0; turn < 3; turn += 1) await socket.getBlockNumber();
    const receipt = await add(1n);
    await eventually(() => seen.some((block) => block.hash === receipt.blockHash));
    stop();
  });
}

async function delegation(check) {
  const code = await deploy(Account);
  const owner = stranger();
  await done(await wallet.sendTransaction({ to: owner.address, value: parseEther("1") }));
  const self = { address: owner.address, abi: Account.abi };
  const first = stranger().address;
  const second = stranger().address;
  const calls = [first, second].map((to) => ({ to, value: 5n, data: "0x" }));

  await check("EIP-7702: an account delegates to a contract and makes two calls at once", async () => {
    const client = createWalletClient({ ...common, transport: http(rpc), account: owner });
    const authorization = await client.signAuthorization({ contractAddress: code, executor: "self" });
    const hash = await client.writeContract({
      ...self,
      functionName: "execute",
      args: [calls],
      authorizationList: [authorization],
    });
    await done(hash);
    same(await node.getCode({ address: owner.address }), `0xef0100${code.slice(2).toLowerCase()}`, "code");
    same(await node.getBalance({ address: second }), 5, "second receiver");
    const sent = await node.getTransaction({ hash });
    same(sent.type, "eip7702", "type");
    same(sent.authorizationList.length, 1, "authorizations");
    same(sent.authorizationList[0].address.toLowerCase(), code.toLowerCase(), "authorized address");
  });
  await check("EIP-7702: somebody else carries the account's signed calls", async () => {
    const parameters = Account.abi.find((item) => item.name === "executeSigned").inputs[0];
    const digest = keccak256(
      encodeAbiParameters(
        [{ type: "uint256" }, { type: "address" }, { type: "uint256" }, parameters],
        [31337n, owner.address, 1n, calls],
      ),
    );
    const { v, r, s } = parseSignature(await owner.sign({ hash: digest }));
    await done(await wallet.writeContract({ ...self, functionName: "executeSigned", args: [calls, Number(v), r, s] }));
    same(await node.getBalance({ address: first }), 10, "first receiver");
    same(
      await node.readContract({ ...self, functionName: "executions" }),
      2,
      "executions, in the account's own storage",
    );
  });
  await check("EIP-7702: the account takes its delegation back, sponsored", async () => {
    const authorization = await wallet.signAuthorization({ account: owner, contractAddress: zeroAddress });
    await done(await wallet.sendTransaction({ to: owner.address, authorizationList: [authorization] }));
    same(await node.getCode({ address: owner.address }), undefined, "code");
  });
  await check("a signed message of the account verifies", async () => {
    const signature = await owner.signMessage({ message: "weft" });
    expect(
      await node.verifyHash({ address: owner.address, hash: hashMessage("weft"), signature }),
      "a valid signature",
    );
  });
}

await area("viem", async (check) => {
  await basics(check);
  await contract(check);
  await delegation(check);
});
