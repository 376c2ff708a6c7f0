// ethers v6: transfers, an OpenZeppelin token, WebSocket subscriptions, an OpenZeppelin governor.
import {
  Contract,
  ContractFactory,
  HDNodeWallet,
  JsonRpcProvider,
  Signature,
  Wallet,
  WebSocketProvider,
  id,
  parseEther,
} from "ethers";
import { ACCOUNT, MNEMONIC, area, eventually, expect, rpc, same, ws } from "./lib/check.mjs";
import { contracts } from "./lib/contracts.mjs";

// ethers caches answers for 250 ms by default; blocks here come faster.
const provider = new JsonRpcProvider(rpc, undefined, { cacheTimeout: -1, pollingInterval: 50 });
const wallet = HDNodeWallet.fromPhrase(MNEMONIC, "", `m/44'/60'/0'/0/${ACCOUNT.ethers}`).connect(provider);
const compiled = contracts();

async function deploy(name, ...parameters) {
  const { abi, bytecode } = compiled[name];
  const contract = await new ContractFactory(abi, bytecode, wallet).deploy(...parameters);
  return contract.waitForDeployment();
}

/** A new account with some ether. */
async function newcomer() {
  const fresh = Wallet.createRandom(provider);
  await (await wallet.sendTransaction({ to: fresh.address, value: parseEther("1") })).wait();
  return fresh;
}

/** Lets blocks pass: the chain makes none while nobody sends anything. */
async function passBlock(number) {
  while ((await provider.getBlockNumber()) < number) {
    await (await wallet.sendTransaction({ to: wallet.address, value: 0n })).wait();
  }
}

async function basics(check) {
  await check("network", async () => same((await provider.getNetwork()).chainId, 31337));
  await check("a batch of calls in one request", async () => {
    const [number, balance, nonce, fees, code] = await Promise.all([
      provider.getBlockNumber(),
      provider.getBalance(wallet.address),
      provider.getTransactionCount(wallet.address),
      provider.getFeeData(),
      provider.getCode(wallet.address),
    ]);
    expect(number >= 0 && balance > 0n && nonce >= 0, "plain answers");
    expect(fees.gasPrice > 0n && fees.maxFeePerGas >= fees.maxPriorityFeePerGas, "fees");
    same(code, "0x", "code");
  });
  for (const type of [0, 1, 2]) {
    await check(`transfer, type ${type}`, async () => {
      const friend = Wallet.createRandom(provider);
      const accessList = type === 1 ? [{ address: friend.address, storageKeys: [id("a")] }] : undefined;
      const sent = await wallet.sendTransaction({ to: friend.address, value: 7n, type, accessList });
      const receipt = await sent.wait();
      same(receipt.status, 1, "status");
      same(receipt.type, type, "type of the receipt");
      same(await provider.getBalance(friend.address), 7, "balance");
      const read = await provider.getTransaction(sent.hash);
      same(read.signature.serialized, sent.signature.serialized, "signature");
      same(read.serialized, sent.serialized, "signed bytes, built again from the answer");
    });
  }
  await check("many transfers sent at once", async () => {
    const friend = Wallet.createRandom(provider);
    const nonce = await wallet.getNonce();
    const sent = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        wallet.sendTransaction({ to: friend.address, value: 1n, nonce: nonce + index, gasLimit: 21_000 }),
      ),
    );
    const receipts = await Promise.all(sent.map((each) => each.wait()));
    same(await provider.getBalance(friend.address), 50, "balance");
    const places = receipts.map(({ blockNumber, index }) => blockNumber * 1e6 + index);
    expect(
      places.every((place, index) => index === 0 || place > places[index - 1]),
      "the order of nonces",
    );
  });
  await check("blocks link, and time does not run back", async () => {
    const head = await provider.getBlockNumber();
    const numbers = Array.from({ length: Math.min(head + 1, 40) }, (_, index) => head - index).reverse();
    const blocks = await Promise.all(numbers.map((number) => provider.getBlock(number, true)));
    blocks.forEach((block, index) => {
      const parent = blocks[index - 1];
      if (!parent) return;
      same(block.parentHash, parent.hash, `parent of block ${block.number}`);
      expect(block.timestamp >= parent.timestamp, `block ${block.number} not before its parent`);
      block.prefetchedTransactions.forEach((each, place) => same(each.index, place, "index"));
    });
  });
}

async function tokens(check) {
  const token = await check("deploy an OpenZeppelin token", () => deploy("Token", parseEther("1000000")));
  const friend = await newcomer();
  const spender = await newcomer();
  await check("transfer and read back", async () => {
    const receipt = await (await token.transfer(friend.address, parseEther("500"))).wait();
    same(receipt.logs.length, 1, "logs");
    same(await token.balanceOf(friend.address), parseEther("500"), "balance");
    same(await token.totalSupply(), parseEther("1000000"), "supply");
    same(await token.name(), "Check", "name");
  });
  await check("approve and transferFrom", async () => {
    await (await token.approve(spender.address, 1_000n)).wait();
    await (await token.connect(spender).transferFrom(wallet.address, friend.address, 400n)).wait();
    same(await token.allowance(wallet.address, spender.address), 600, "allowance left");
    same(await token.balanceOf(friend.address), parseEther("500") + 400n, "balance");
  });
  await check("permit: an approval by signature (EIP-712)", async () => {
    const { name, version, chainId, verifyingContract } = await token.eip712Domain();
    const domain = { name, version, chainId, verifyingContract };
    const fields = ["owner:address", "spender:address", "value:uint256", "nonce:uint256", "deadline:uint256"];
    const types = { Permit: fields.map((field) => ({ name: field.split(":")[0], type: field.split(":")[1] })) };
    const deadline = 2n ** 64n;
    const message = {
      owner: friend.address,
      spender: spender.address,
      value: 9n,
      nonce: await token.nonces(friend.address),
      deadline,
    };
    const { v, r, s } = Signature.from(await friend.signTypedData(domain, types, message));
    await (await token.connect(spender).permit(friend.address, spender.address, 9n, deadline, v, r, s)).wait();
    same(await token.allowance(friend.address, spender.address), 9, "allowance");
  });
  await check("getLogs and queryFilter find the same transfers", async () => {
    const address = await token.getAddress();
    const topics = [id("Transfer(address,address,uint256)")];
    const fromBlock = (await token.deploymentTransaction().wait()).blockNumber;
    const raw = await provider.getLogs({ address, topics, fromBlock, toBlock: "latest" });
    same(raw.length, 3, "transfers: the mint and two more");
    const toFriend = await token.queryFilter(token.filters.Transfer(null, friend.address), fromBlock);
    same(
      toFriend.map((event) => event.args.value),
      [parseEther("500"), 400n],
      "values",
    );
    const either = await provider.getLogs({
      address,
      topics: [[topics[0], id("Approval(address,address,uint256)")]],
      fromBlock,
    });
    same(either.length, 5, "logs of either kind");
    const oneBlock = await provider.getLogs({ address, topics, blockHash: toFriend[0].blockHash });
    expect(
      oneBlock.some((log) => log.transactionHash === toFriend[0].transactionHash),
      "the log by its block's hash",
    );
  });
  return { token, friend };
}

async function subscriptions(check, { token, friend }) {
  const socket = new WebSocketProvider(ws);
  const heads = [];
  const transfers = [];
  await check("subscribe to blocks and to the Transfer event over WebSocket", async () => {
    same((await socket.getNetwork()).chainId, 31337, "chain id");
    const listening = token.connect(socket);
    await listening.on(listening.filters.Transfer(null, friend.address), ({ args, log }) =>
      transfers.push({ value: args.value, log }),
    );
    await socket.on("block", (number) => heads.push(number));
    // Answers come in order: after one more question both subscriptions stand.
    await socket.getBlockNumber();
    await socket.getBlockNumber();
  });
  await check("each transfer is told once, with its log", async () => {
    const sent = [];
    for (const value of [1n, 2n, 3n]) sent.push(await (await token.transfer(friend.address, value)).wait());
    await eventually(() => transfers.length >= 3);
    same(
      transfers.map(({ value }) => value),
      [1n, 2n, 3n],
      "values",
    );
    transfers.forEach(({ log }, index) => {
      same(log.transactionHash, sent[index].hash, "transaction");
      same(log.blockHash, sent[index].blockHash, "block");
      same(log.index, sent[index].logs[0].index, "index of the log");
    });
    await eventually(() => heads.at(-1) >= sent.at(-1).blockNumber);
    expect(
      heads.every((number, index) => index === 0 || number === heads[index - 1] + 1),
      `every block once: ${heads}`,
    );
  });
  await check("nothing is told after the end of a subscription", async () => {
    await socket.removeAllListeners("block");
    await socket.getBlockNumber();
    const told = heads.length;
    await (await token.transfer(friend.address, 4n)).wait();
    await eventually(() => transfers.length >= 4);
    same(heads.length, told, "heads");
  });
  await socket.destroy();
}

async function governance(check, { token, friend }) {
  const parliament = await check("deploy an OpenZeppelin governor", async () =>
    deploy("Parliament", await token.getAddress()),
  );
  const law = await deploy("Law", await parliament.getAddress());
  await (await token.delegate(wallet.address)).wait();
  await (await token.connect(friend).delegate(friend.address)).wait();
  const call = [[await law.getAddress()], [0n], [law.interface.encodeFunctionData("setLimit", [65])]];
  const reason = `a limit of 65, ${await provider.getBlockNumber()}`;

  const proposal = await check("propose", async () => {
    const receipt = await (await parliament.propose(...call, reason)).wait();
    const created = receipt.logs.find((log) => log.fragment?.name === "ProposalCreated");
    same(await parliament.state(created.args.proposalId), 0, "state: pending");
    return created.args.proposalId;
  });
  await check("vote", async () => {
    await passBlock(Number(await parliament.proposalSnapshot(proposal)) + 1);
    same(await parliament.state(proposal), 1, "state: active");
    await (await parliament.castVoteWithReason(proposal, 1, "yes")).wait();
    await (await parliament.connect(friend).castVote(proposal, 0)).wait();
    const { forVotes, againstVotes } = await parliament.proposalVotes(proposal);
    expect(forVotes > againstVotes && againstVotes > 0n, `votes counted: ${forVotes} for, ${againstVotes} against`);
  });
  await check("execute, and read the effect back", async () => {
    await passBlock(Number(await parliament.proposalDeadline(proposal)) + 1);
    same(await parliament.state(proposal), 4, "state: succeeded");
    const receipt = await (await parliament.execute(...call, id(reason))).wait();
    same(await parliament.state(proposal), 7, "state: executed");
    same(await law.limit(), 65, "limit");
    expect(
      receipt.logs.some((log) => log.topics[0] === law.interface.getEvent("LimitSet").topicHash),
      "the law's own event",
    );
  });
}

await area("ethers", async (check) => {
  await basics(check);
  const made = await tokens(check);
  await subscriptions(check, made);
  await governance(check, made);
});
