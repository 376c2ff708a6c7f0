// What clients are told when something is wrong: the error classes of ethers and viem, and plain JSON-RPC.
import { request as httpRequest } from "node:http";
import {
  ContractFactory,
  Wallet,
  decodeRlp,
  encodeRlp,
  hexlify,
  keccak256,
  parseEther,
  parseUnits,
  randomBytes,
  toBeHex,
} from "ethers";
import { createWalletClient, http, publicActions } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { foundry } from "viem/chains";
import { area, expect, refusal, rpc, same } from "./lib/check.mjs";
import { contracts } from "./lib/contracts.mjs";
import { CHAIN, FRIEND, ask, newcomer, post, provider, rawError, transfer, wallet } from "./lib/wire.mjs";

async function refusedTransactions(check) {
  const sender = await newcomer();
  await (await sender.sendTransaction({ to: FRIEND, value: 1n })).wait();
  const viem = createWalletClient({
    chain: foundry,
    transport: http(rpc),
    account: privateKeyToAccount(sender.privateKey),
  }).extend(publicActions);

  await check("nonce too low (ethers)", async () => {
    const error = await refusal(sender.sendTransaction(transfer(0)));
    same(error.code, "NONCE_EXPIRED", "code");
  });
  await check("nonce too low (viem)", async () => {
    const { type, gasLimit, ...fields } = transfer(0);
    const error = await refusal(viem.sendTransaction({ ...fields, gas: gasLimit }));
    expect(
      error.walk((cause) => cause.name === "NonceTooLowError"),
      `NonceTooLowError, not ${error}`,
    );
  });
  await check("insufficient funds (ethers)", async () => {
    const error = await refusal(sender.sendTransaction(transfer(1, { value: parseEther("5") })));
    same(error.code, "INSUFFICIENT_FUNDS", "code");
  });
  await check("insufficient funds (viem)", async () => {
    const error = await refusal(viem.sendTransaction({ to: FRIEND, value: parseEther("5") }));
    expect(
      error.walk((cause) => cause.name === "InsufficientFundsError"),
      `InsufficientFundsError, not ${error}`,
    );
  });
  await check("insufficient funds, by an account that never had any", async () => {
    const error = await rawError(Wallet.createRandom(), transfer(0));
    expect(/insufficient funds/i.test(error.message), `insufficient funds, not: ${error.message}`);
  });
  await check("wrong chain id", async () => {
    const error = await rawError(Wallet.createRandom(), transfer(0, { chainId: 1 }));
    expect(/chain/i.test(error.message), `words about the chain, not: ${error.message}`);
  });
  await check("too little gas, too much gas", async () => {
    const little = await rawError(sender, transfer(1, { gasLimit: 20_999n }));
    expect(/intrinsic gas|gas too low/i.test(little.message), `intrinsic gas, not: ${little.message}`);
    const much = await rawError(
      sender,
      transfer(1, { gasLimit: 2n ** 40n, maxFeePerGas: 1n, maxPriorityFeePerGas: 0n }),
    );
    expect(/gas/i.test(much.message), `words about gas, not: ${much.message}`);
  });
  await check("a fee below any base fee", async () => {
    const error = await rawError(sender, transfer(1, { maxFeePerGas: 1n, maxPriorityFeePerGas: 0n }));
    expect(/base ?fee/i.test(error.message), `words about the base fee, not: ${error.message}`);
  });
  await check("a tip above the fee cap", async () => {
    // The libraries refuse to sign this, so it is put together by hand.
    const fields = [CHAIN, 1, parseUnits("3", "gwei"), parseUnits("2", "gwei"), 21_000, FRIEND, 1].map((value) =>
      value === FRIEND ? value : toBeHex(value),
    );
    const unsigned = [...fields, "0x", []];
    const { yParity, r, s } = sender.signingKey.sign(keccak256(`0x02${encodeRlp(unsigned).slice(2)}`));
    const signature = [yParity ? "0x01" : "0x", ...[r, s].map((value) => toBeHex(BigInt(value)))];
    const { error } = await ask("eth_sendRawTransaction", `0x02${encodeRlp([...unsigned, ...signature]).slice(2)}`);
    expect(/priority/i.test(error.message), `words about the tip, not: ${error.message}`);
  });
  await check("bytes that are no transaction", async () => {
    for (const bytes of ["0x", "0x02", "0xdeadbeef", `0x02${"ff".repeat(100)}`, `0x7f${"00".repeat(64)}`]) {
      const { error } = await ask("eth_sendRawTransaction", bytes);
      expect(error && error.code < 0, `an error to ${bytes}`);
    }
  });
  await check("a blob transaction (type 3)", async () => {
    const fields = {
      ...transfer(1),
      type: 3,
      maxFeePerBlobGas: parseUnits("1", "gwei"),
      blobVersionedHashes: [`0x01${"ab".repeat(31)}`],
    };
    const signed = await sender.signTransaction(fields);
    // As wallets send it, with a blob, a commitment and proofs: one of the whole blob, or since Osaka one a cell.
    const parts = [131_072, 48, 48].map((size) => [`0x${"00".repeat(size)}`]);
    const cells = [...parts.slice(0, 2), Array(128).fill(parts[2][0])];
    const network = (...items) => `0x03${encodeRlp([decodeRlp(`0x${signed.slice(4)}`), ...items]).slice(2)}`;
    for (const raw of [signed, network(...parts), network("0x01", ...cells)]) {
      const { error, result } = await ask("eth_sendRawTransaction", raw);
      expect(error !== undefined, `an error, not ${result}`);
      expect(/blob|4844|sidecar|kzg|versioned hash/i.test(error.message), `words about blobs, not: ${error.message}`);
    }
    same(await provider.getTransactionCount(sender.address), 1, "nonce");
  });
}

async function reverts(check) {
  const { abi, bytecode } = contracts().Refuser;
  const refuser = await (await new ContractFactory(abi, bytecode, wallet).deploy()).waitForDeployment();
  await check("a call reverts with a reason", async () => {
    const error = await refusal(refuser.withReason());
    same([error.code, error.reason], ["CALL_EXCEPTION", "not today"], "error");
  });
  await check("a call reverts without one", async () => {
    const error = await refusal(refuser.withoutReason());
    same([error.code, error.data], ["CALL_EXCEPTION", "0x"], "error");
  });
  await check("a call reverts with a custom error", async () => {
    const error = await refusal(refuser.withError(3));
    same([error.revert.name, ...error.revert.args], ["TooSmall", 3, 10], "error");
  });
  await check("a call panics", async () => {
    const error = await refusal(refuser.withPanic(0));
    same([error.revert.name, error.revert.args[0]], ["Panic", 0x12], "error");
  });
  await check("on the wire: code 3, and the data", async () => {
    const data = refuser.interface.encodeFunctionData("withError", [3]);
    const { error } = await ask("eth_call", { to: await refuser.getAddress(), data }, "latest");
    same(error.code, 3, "code");
    same(error.data, refuser.interface.encodeErrorResult("TooSmall", [3, 10]), "data");
    expect(/execution reverted/.test(error.message), `execution reverted, not: ${error.message}`);
  });
  await check("an estimate of a call that reverts", async () => {
    const error = await refusal(refuser.accept.estimateGas(3));
    same(
      [error.code, error.data],
      ["CALL_EXCEPTION", refuser.interface.encodeErrorResult("TooSmall", [3, 10])],
      "error",
    );
  });
  await check("a call without end", async () => {
    const { error } = await ask(
      "eth_call",
      { to: await refuser.getAddress(), data: refuser.interface.encodeFunctionData("endless"), gas: "0x989680" },
      "latest",
    );
    expect(/gas/i.test(error.message), `out of gas, not: ${error.message}`);
  });
  await check("a transaction that reverts is in a block, has no effect and costs gas", async () => {
    const before = await provider.getBalance(wallet.address);
    const sent = await refuser.accept(3, { gasLimit: 100_000, value: 5n });
    const error = await refusal(sent.wait());
    same([error.code, error.receipt.status], ["CALL_EXCEPTION", 0], "error");
    same(await provider.getBalance(wallet.address), before - error.receipt.gasUsed * error.receipt.gasPrice, "balance");
    same(await refuser.accepted(), 0, "stored value");
  });
}

async function protocol(check) {
  await check("an unknown method", async () => same((await ask("eth_noSuchMethod")).error.code, -32601, "code"));
  await check("bad parameters", async () => {
    for (const [method, ...params] of [
      ["eth_getBalance"],
      ["eth_getBalance", "0x12", "latest"],
      ["eth_getBlockByNumber", "newest", false],
      ["eth_getTransactionByHash", "0xab"],
    ]) {
      same((await ask(method, ...params)).error.code, -32602, `code to ${method} ${params}`);
    }
  });
  await check("a body that is no JSON", async () => {
    const { code } = (await post("{")).json.error;
    expect([-32700, -32600].includes(code), `parse error or invalid request, not ${code}`);
  });
  await check("a batch with one bad call answers the others", async () => {
    const call = (id, method) => ({ jsonrpc: "2.0", id, method, params: [] });
    const { json } = await post(
      JSON.stringify([call(1, "eth_chainId"), call(2, "eth_noSuchMethod"), call(3, "eth_blockNumber")]),
    );
    const answers = Object.fromEntries(json.map((answer) => [answer.id, answer]));
    same(answers[1].result, "0x7a69", "first");
    same(answers[2].error.code, -32601, "second");
    expect(answers[3].result.startsWith("0x"), "a third answer");
  });
  await check("what does not exist is null", async () => {
    const hash = hexlify(randomBytes(32));
    for (const [method, ...params] of [
      ["eth_getTransactionByHash", hash],
      ["eth_getTransactionReceipt", hash],
      ["eth_getBlockByHash", hash, false],
      ["eth_getBlockByNumber", "0xffffffffff", false],
    ]) {
      const answer = await ask(method, ...params);
      expect(answer.result === null && !answer.error, `null to ${method}, not ${JSON.stringify(answer)}`);
    }
  });
  await check("an oversized request is refused, and the node goes on", async () => {
    const body = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "eth_sendRawTransaction",
      params: [`0x${"00".repeat(16 << 20)}`],
    });
    const outcome = await new Promise((resolve) => {
      const headers = { "content-type": "application/json", "content-length": body.length };
      const request = httpRequest(rpc, { method: "POST", headers, agent: false }, (answer) => {
        let text = "";
        answer.on("data", (part) => (text += part));
        answer.on("close", () => resolve(`${answer.statusCode} ${text}`));
        answer.on("error", () => {});
      });
      // A node may hang up before it has read everything.
      const cutOff = (error) => resolve(`cut off: ${error.code}`);
      request.on("error", cutOff);
      request.on("socket", (socket) => socket.on("error", cutOff));
      request.end(body);
    });
    expect(/^413|"error"|^cut off/.test(outcome), `a refusal, not: ${outcome.slice(0, 200)}`);
    same((await ask("eth_chainId")).result, "0x7a69", "chain id");
  });
}

await area("errors", async (check) => {
  await refusedTransactions(check);
  await reverts(check);
  await protocol(check);
});
