// Sends a signed transaction by gRPC, sees it in the stream of blocks, follows it to finality.
//
//   npm install @grpc/grpc-js @grpc/proto-loader ethers
//   node transactions.ts [--sequencer 127.0.0.1:9100] [--rpc http://127.0.0.1:8545]     (Node.js 22.18 or newer)
import { setTimeout as pause } from "node:timers/promises";
import { JsonRpcProvider, Wallet, getBytes } from "ethers";
import { Service, hex, must, option } from "./client.ts";

interface Info {
  chain_id: number;
  latest_block: number;
  finalized_block: number;
}

interface Receipt {
  transaction_hash: Buffer;
  block_number: number;
  block_hash: Buffer;
  success: boolean;
}

interface NewBlock {
  block: { number: number; hash: Buffer; transactions: Buffer[] };
  receipts: Receipt[];
}

interface Status {
  stage: string;
  batch_index?: number;
}

// An account of the development chain: everybody knows its key.
const KEY = "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba";
const FRIEND = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

const sequencer = new Service(
  "weft/sequencer/v1/sequencer.proto",
  "weft.sequencer.v1.Sequencer",
  option("sequencer", "127.0.0.1:9100"),
);
const info = await sequencer.call<Info>("GetInfo", {});
console.log(`chain ${info.chain_id}, block ${info.latest_block}, final up to ${info.finalized_block}`);

// Nonces and fees are asked over Ethereum's JSON-RPC.
const provider = new JsonRpcProvider(option("rpc", "http://127.0.0.1:8545"), undefined, { cacheTimeout: -1 });
const wallet = new Wallet(KEY, provider);
const filled = await wallet.populateTransaction({ to: FRIEND, value: 1_000_000_000n });
const transaction = getBytes(await wallet.signTransaction(filled));

// Every block from the next one on, with its receipts, without gaps.
const blocks = sequencer.stream<NewBlock>("SubscribeBlocks", { from_number: info.latest_block + 1 });

// The answer comes when the transaction is in a block that is on the disk.
const { receipt } = await sequencer.call<{ receipt: Receipt }>("SubmitAndWait", { transaction, timeout_ms: 5_000 });
must(receipt.success, "success");
console.log(`${hex(receipt.transaction_hash)} in block ${receipt.block_number}`);

for await (const { block } of blocks) {
  if (!block.transactions.some((each: Buffer) => each.equals(transaction))) continue;
  must(block.hash.equals(receipt.block_hash), "the block of the receipt");
  console.log(`the stream shows it in block ${block.number}`);
  break;
}

const start = Date.now();
let status: Status = { stage: "" };
while (status.stage !== "TRANSACTION_STAGE_FINALIZED") {
  must(Date.now() - start < 60_000, "to be final within a minute");
  const now = await sequencer.call<Status>("GetTransactionStatus", { transaction_hash: receipt.transaction_hash });
  if (now.stage !== status.stage) console.log(now.stage.replace("TRANSACTION_STAGE_", "").toLowerCase());
  status = now;
  await pause(50);
}
console.log(`final in batch ${status.batch_index}`);
provider.destroy();
sequencer.close();
