// What an account has sent and received: of any age where the node keeps the index by account, else of the newest
// blocks.
import { h, table } from "./dom.js";
import { int, small } from "./format.js";
import { newestBlocks } from "./live.js";
import { blockLink, link } from "./parts.js";
import { RpcError, all, call } from "./rpc.js";
import { transactionRow } from "./view-block.js";

/** Newest blocks that are looked through, and transactions of each. */
const BLOCKS = 40;
const PER_BLOCK = 200;
/** Transactions shown at once. */
const SHOWN = 25;
/** What a node answers that does not have a method, or what it needs. */
const NO_METHOD = -32_601;

/** In which words the table says what an account has to do with a transaction. */
const WORDS = { sent: "sent", received: "received", created: "was made", token: "token" };

/** Transactions of the newest blocks, the newest first. */
export async function recent() {
  const numbers = newestBlocks(BLOCKS).map(({ number }) => [`0x${number.toString(16)}`, true]);
  const blocks = await all(numbers.map((params) => ["eth_getBlockByNumber", params]));
  return blocks.filter(Boolean).flatMap((block) => block.transactions.slice(0, PER_BLOCK).reverse());
}

/** A page of the node's index; `null` if it keeps none. */
async function indexed(address, cursor) {
  try {
    return await call("weft_getAccountTransactions", [address, { limit: `0x${SHOWN.toString(16)}`, cursor }]);
  } catch (error) {
    if (error instanceof RpcError && error.code === NO_METHOD) return null;
    throw error;
  }
}

async function lately(address) {
  const own = (await recent()).filter((each) => each.from === address || each.to === address).slice(0, SHOWN);
  const kinds = ({ from, to }) => [from === address && "sent", to === address && "received"].filter(Boolean);
  return {
    transactions: own,
    kinds: own.map(kinds),
    lead: "In the newest blocks alone: this node keeps no index by account.",
  };
}

async function ofAnyAge(page) {
  const found = await all(page.transactions.map(({ hash }) => ["eth_getTransactionByHash", [hash]]));
  const there = page.transactions.map((each, at) => [found[at], each.kinds]).filter(([transaction]) => transaction);
  const from = small(page.completeFrom);
  const rest = from > 0 ? ` Blocks before ${int(from)} are not in this node's index.` : "";
  return {
    transactions: there.map(([transaction]) => transaction),
    kinds: there.map(([, kinds]) => kinds),
    lead: `The newest first: sent, received, or moving a token from or to it.${rest}`,
    complete: from === 0,
    cursor: page.cursor,
  };
}

/** What is said where there is nothing to show. */
function nothing(complete, cursor) {
  if (!complete) return "None in the blocks that were looked at.";
  return cursor ? "No older ones." : "None.";
}

/** The card with a page of an account's transactions; the newest without a cursor. */
export async function history(address, cursor) {
  const page = await indexed(address, cursor);
  const found = await (page ? ofAnyAge(page) : lately(address));
  const { transactions, kinds, lead, complete, cursor: next } = found;
  const receipts = await all(transactions.map(({ hash }) => ["eth_getTransactionReceipt", [hash]]));
  const rows = table(
    "Its transactions, the newest first",
    ["Block", "Hash", "From", "To", "What", "Value", "Gas used", "Result", "As"],
    { numeric: [0, 5, 6], wide: [4, 6, 8], desk: [2] },
  );
  rows.body.append(
    ...transactions.map((transaction, at) => {
      const row = transactionRow(transaction, receipts[at]);
      row.prepend(h("td", { class: "n" }, blockLink(small(transaction.blockNumber))));
      row.append(h("td", { class: "wide" }, kinds[at].map((kind) => WORDS[kind] ?? kind).join(", ")));
      return row;
    }),
  );
  return h(
    "section",
    { class: "card" },
    h("h2", null, "Transactions"),
    h("p", { class: "lead" }, lead),
    transactions.length ? rows.element : h("p", { class: "empty" }, nothing(complete, cursor)),
    h(
      "nav",
      { class: "pages", "aria-label": "Pages" },
      cursor && link(`#/address/${address}`, "Newest"),
      next && link(`#/address/${address}/${next}`, "Older"),
    ),
  );
}
