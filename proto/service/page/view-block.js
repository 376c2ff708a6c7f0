// Blocks: the live list, and one with its transactions.
import { h, keep, put, table, terms } from "./dom.js";
import { bytes, gwei, int, percent, small, span, sum, when } from "./format.js";
import { live, newestBlocks, onFrame, stageOf } from "./live.js";
import { addressLink, batchLink, link, setState, state, trouble, txLink, whole } from "./parts.js";
import { all, call } from "./rpc.js";
import { method } from "./abi.js";
import { blockRow, updateBlock } from "./view-overview.js";

/** Rows shown at once. */
const SHOWN = 25;

/** A list that follows the head, or (`#/blocks/900`) the blocks from a number down. */
export function blocks(from) {
  const rows = table(
    "Blocks, the newest first",
    ["Block", "Age", "Tx", "Gas", "Full", "Base fee", "Made in", "State"],
    { numeric: [2, 3, 4, 5, 6], wide: [4, 5, 6] },
  );
  const none = h("p", { class: "empty" }, "No block yet.");
  const pages = h("nav", { class: "pages", "aria-label": "Pages" });
  const element = h("section", { class: "card" }, none, rows.element, pages);
  const draw = (items) => {
    none.hidden = items.length > 0;
    keep(rows.body, items, ({ hash }) => hash, wideRow, updateWide);
    const lowest = items.at(-1)?.number ?? 0;
    const wanted = lowest > 1 ? `#/blocks/${lowest - 1}` : "";
    if (pages.dataset.older !== wanted) {
      pages.dataset.older = wanted;
      put(pages, from !== undefined && link("#/blocks", "Newest"), wanted && link(wanted, "Older"));
    }
  };
  if (from === undefined) return { title: "Blocks", element, stop: onFrame(() => draw(newestBlocks(SHOWN))) };
  const first = number(from);
  older(first).then(draw, (error) => put(element, trouble("These blocks cannot be read.", error.message)));
  return { title: `Blocks from ${int(first)}`, element };
}

function number(words) {
  if (!/^\d{1,15}$/.test(words ?? "")) throw new Error(`${words} is not the number of a block`);
  return Number(words);
}

async function older(from) {
  const numbers = Array.from({ length: Math.min(SHOWN, from) }, (_, at) => `0x${(from - at).toString(16)}`);
  const found = await all(numbers.map((number) => ["eth_getBlockByNumber", [number, false]]));
  const stats = await all(numbers.map((number) => ["weft_blockStats", [number]]));
  return found.filter(Boolean).map((block) => ({
    number: small(block.number),
    hash: block.hash,
    timestamp: small(block.timestamp),
    gasUsed: small(block.gasUsed),
    gasLimit: small(block.gasLimit),
    baseFee: block.baseFeePerGas,
    transactions: block.transactions.length,
    stats: stats.find((each) => each?.hash === block.hash),
  }));
}

function wideRow(block) {
  const row = blockRow(block);
  const share = block.gasUsed / block.gasLimit;
  const meter = h("span", { class: "meter", "aria-hidden": "true" }, h("span"));
  meter.firstChild.style.width = `${share * 100}%`;
  row.lastElementChild.before(
    h("td", { class: "n wide" }, meter, percent(share)),
    h("td", { class: "n wide" }, gwei(block.baseFee)),
    h("td", { class: "n wide" }),
  );
  return row;
}

function updateWide(row, block) {
  updateBlock(row, block);
  const made = row.children[6];
  const words = block.stats ? span(small(block.stats.wallMicros) / 1000) : "–";
  if (made.textContent !== words) made.textContent = words;
}

/** Transactions of a block that are shown at once. */
const PAGE = 100;

export function block(words, page = "0") {
  const height = number(words);
  const element = h("div", { class: "stack" }, h("p", { class: "empty" }, "Reading…"));
  let stop;
  let gone = false;
  const tag = `0x${height.toString(16)}`;
  Promise.all([
    call("eth_getBlockByNumber", [tag, true]),
    call("eth_getBlockReceipts", [tag]),
    call("weft_blockStats", [tag]).catch(() => null),
  ]).then(
    async ([found, receipts, stats]) => {
      if (gone) return;
      if (!found) return void put(element, trouble(`There is no block ${int(height)} (yet).`));
      const first = found.transactions[0];
      const status = first ? await call("weft_transactionStatus", [first.hash]).catch(() => null) : null;
      put(element, about(found, stats, status), inside(found, receipts, Number(page) || 0));
      const shown = element.querySelector(".state.of-block");
      stop = onFrame(() => {
        setState(shown, height === 0 ? "finalized" : stageOf(height));
        shown.classList.add("of-block");
      });
      if (gone) stop();
    },
    (error) => put(element, trouble("This block cannot be read.", error.message)),
  );
  return { title: `Block ${int(height)}`, element, stop: () => ((gone = true), stop?.()) };
}

function about(found, stats, status) {
  const height = small(found.number);
  const mark = state("executed");
  mark.classList.add("of-block");
  const newest = live.info ? small(live.info.latestBlock) : Infinity;
  const beside = h(
    "nav",
    { class: "pages", "aria-label": "Blocks beside" },
    height > 0 && link(`#/block/${height - 1}`, `← ${int(height - 1)}`),
    height < newest && link(`#/block/${height + 1}`, `${int(height + 1)} →`),
  );
  return h(
    "section",
    { class: "card" },
    h("h2", null, "Block ", mark),
    terms([
      ["Hash", whole(found.hash)],
      ["Parent", height > 0 ? whole(found.parentHash, `#/block/${height - 1}`) : "none: this is genesis"],
      ["Time", when(small(found.timestamp) * 1000, true)],
      ["Transactions", int(found.transactions.length)],
      [
        "Gas",
        `${int(small(found.gasUsed))} of ${int(small(found.gasLimit))} (${percent(small(found.gasUsed) / small(found.gasLimit), 2)})`,
      ],
      ["Base fee", gwei(found.baseFeePerGas)],
      ["Size", bytes(small(found.size))],
      ["Fees to", addressLink(found.miner)],
      ["State root", whole(found.stateRoot)],
      status?.batchIndex && ["Batch", batchLink(small(status.batchIndex))],
      stats && [
        "Executed",
        `in ${span(small(stats.wallMicros) / 1000)} on ${small(stats.threads)} thread${small(stats.threads) === 1 ? "" : "s"}, ${small(stats.reExecuted)} again after a conflict `,
        link(`#/execution/${height}`, "how"),
      ],
    ]),
    beside,
  );
}

function inside(found, receipts, page) {
  const from = page * PAGE;
  const rows = table("Transactions in this block", ["#", "Hash", "From", "To", "What", "Value", "Gas used", "Result"], {
    numeric: [0, 5, 6],
    wide: [0, 4, 6],
    desk: [2],
  });
  const items = found.transactions.slice(from, from + PAGE);
  rows.body.append(...items.map((transaction, at) => transactionRow(transaction, receipts?.[from + at], from + at)));
  const height = small(found.number);
  const pages = h(
    "nav",
    { class: "pages", "aria-label": "Pages" },
    page > 0 && link(`#/block/${height}/${page - 1}`, "Before"),
    from + PAGE < found.transactions.length && link(`#/block/${height}/${page + 1}`, "Next"),
  );
  const range =
    found.transactions.length > PAGE
      ? `, ${int(from + 1)} – ${int(from + items.length)} of ${int(found.transactions.length)}`
      : "";
  return h(
    "section",
    { class: "card" },
    h("h2", null, `Transactions${range}`),
    found.transactions.length ? rows.element : h("p", { class: "empty" }, "None."),
    pages,
  );
}

export function transactionRow(transaction, receipt, at) {
  const failed = receipt && small(receipt.status) === 0;
  const to = transaction.to ?? receipt?.contractAddress;
  return h(
    "tr",
    { class: failed ? "failed" : null },
    at !== undefined && h("td", { class: "n wide" }, int(at)),
    h("td", null, txLink(transaction.hash)),
    h("td", { class: "desk" }, addressLink(transaction.from)),
    h("td", null, transaction.to ? "" : "new ", addressLink(to)),
    h("td", { class: "wide" }, transaction.to ? method(transaction.input) || "payment" : "contract"),
    h("td", { class: "n" }, sum(transaction.value)),
    h("td", { class: "n wide" }, receipt ? int(small(receipt.gasUsed)) : "…"),
    h("td", null, receipt ? h("span", { class: failed ? "bad" : "good" }, failed ? "reverted" : "success") : "…"),
  );
}
