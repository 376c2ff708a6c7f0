// Transactions: the newest, and the way of one of them from its sender to finality.
import { card, h, keep, put, table, terms } from "./dom.js";
import { amount, big, bytes, confidence, ether, foreign, gwei, int, many, small, span, when } from "./format.js";
import { newestBlocks, onFrame } from "./live.js";
import { event, method, token } from "./abi.js";
import { addressLink, batchLink, blockLink, daLink, link, state, trouble, whole } from "./parts.js";
import { all, call } from "./rpc.js";
import { commitmentOf, tryAsk } from "./source.js";
import { transactionRow } from "./view-block.js";

/** Rows shown at once, and blocks that are looked through for them. */
const SHOWN = 30;
const BLOCKS = 30;

export function transactions() {
  const rows = table("Newest transactions", ["Block", "Hash", "From", "To", "What", "Value", "Gas used", "Result"], {
    numeric: [0, 5, 6],
    wide: [4, 6],
    desk: [2],
  });
  const none = h("p", { class: "empty" }, "No transaction yet.");
  const read = new Map();
  let busy = false;
  let ended = false;
  const fill = async () => {
    const newest = newestBlocks(BLOCKS);
    const wanted = [];
    let seen = 0;
    for (const block of newest) {
      if (seen >= SHOWN) break;
      if (!read.has(block.hash)) wanted.push(block);
      seen += read.get(block.hash)?.length ?? block.transactions ?? 1;
    }
    if (wanted.length === 0) return;
    const found = await all(
      wanted.flatMap(({ number }) => [
        ["eth_getBlockByNumber", [`0x${number.toString(16)}`, true]],
        ["eth_getBlockReceipts", [`0x${number.toString(16)}`]],
      ]),
    );
    wanted.forEach((block, at) => {
      const [full, receipts] = [found[2 * at], found[2 * at + 1]];
      if (full?.hash !== block.hash) return;
      const items = full.transactions
        .slice(-SHOWN)
        .map((transaction) => ({ transaction, receipt: receipts?.[small(transaction.transactionIndex)] }));
      read.set(block.hash, items.reverse());
    });
    for (const hash of read.keys()) if (read.size > 2 * BLOCKS) read.delete(hash);
  };
  const draw = () => {
    if (busy || ended) return;
    busy = true;
    fill()
      .catch(() => {})
      .finally(() => {
        busy = false;
        if (ended) return;
        const items = newestBlocks(BLOCKS)
          .flatMap(({ hash }) => read.get(hash) ?? [])
          .slice(0, SHOWN);
        none.hidden = items.length > 0;
        rows.element.hidden = items.length === 0;
        keep(
          rows.body,
          items,
          ({ transaction }) => transaction.hash,
          ({ transaction, receipt }) => {
            const row = transactionRow(transaction, receipt);
            row.prepend(h("td", { class: "n" }, blockLink(small(transaction.blockNumber))));
            return row;
          },
        );
      });
  };
  const stop = onFrame(draw);
  return {
    title: "Transactions",
    element: card("The newest", none, rows.element),
    stop: () => ((ended = true), stop()),
  };
}

/** How often the way of a transaction that is not final is looked at again, milliseconds. */
const AGAIN_MS = 700;

export function transaction(hash) {
  if (!/^0x[0-9a-f]{64}$/i.test(hash ?? "")) throw new Error(`${hash} is not the hash of a transaction`);
  const way = h("ol", { class: "steps" });
  const about = h("div", { class: "stack" });
  const stage = h("p", { class: "stage", role: "status" });
  const element = h(
    "div",
    { class: "stack" },
    h("section", { class: "card" }, h("h2", null, "Its way"), stage, way),
    about,
  );
  let ended = false;
  let known = "";
  const look = async () => {
    if (ended) return;
    try {
      const facts = await gather(hash);
      if (ended) return;
      const now = JSON.stringify([facts.status, facts.record?.state, facts.judgement?.verdict, facts.blob?.position]);
      if (now !== known) {
        known = now;
        put(stage, state(facts.status.stage), " ", summary(facts));
        put(way, steps(facts));
        put(about, await details(hash, facts));
      }
      if (facts.status.stage !== "finalized" || !facts.judgement) setTimeout(look, AGAIN_MS);
    } catch (error) {
      if (!known) put(stage, trouble("The node does not answer.", error.message));
      setTimeout(look, AGAIN_MS * 4);
    }
  };
  look();
  return { title: `Transaction ${hash.slice(0, 10)}…`, heading: "Transaction", element, stop: () => (ended = true) };
}

/** All that is known of it, from whoever knows. */
async function gather(hash) {
  const [status, transaction, receipt] = await Promise.all([
    call("weft_transactionStatus", [hash]),
    call("eth_getTransactionByHash", [hash]),
    call("eth_getTransactionReceipt", [hash]),
  ]);
  const block = status.blockNumber ? await call("eth_getBlockByNumber", [status.blockNumber, false]) : null;
  const index = status.batchIndex === null || status.batchIndex === undefined ? undefined : small(status.batchIndex);
  const batch = index === undefined ? null : await call("weft_batch", [status.batchIndex]).catch(() => null);
  const record = index === undefined ? null : await commitmentOf(index);
  const height = batch?.daHeight ? small(batch.daHeight) : record?.da_height;
  const [daBlock, seen] =
    height === undefined
      ? [null, null]
      : await Promise.all([tryAsk("da", `/blocks/${height}`), tryAsk("light", `/blocks/${height}`)]);
  const judgement = seen?.judgement;
  const payload = batch?.payloadHash ?? record?.payload_hash;
  const entry = daBlock?.entries?.find((each) => each.hash === payload);
  const blob = entry ? await tryAsk("da", `/blobs/${entry.namespace}/${entry.hash}`) : null;
  return { status, transaction, receipt, block, index, batch, record, height, daBlock, judgement, blob, entry };
}

function summary({ status, record, block, receipt }) {
  if (status.stage === "unknown") return "No node that was asked knows this transaction.";
  if (!block) return "It waits for its block.";
  const failed = receipt && small(receipt.status) === 0 ? "It reverted; that too is final once its block is. " : "";
  if (record?.finalized_ms)
    return `${failed}Final ${span(record.finalized_ms - small(block.timestamp) * 1000)} after its block (whose time is in whole seconds).`;
  return `${failed}Its block is durable; it is not final yet.`;
}

/** One step: {name, state, time, since, proof}. */
function step(name, done, time, lines) {
  return h(
    "li",
    { class: done === "bad" ? "step bad" : done ? "step done" : "step" },
    h("div", { class: "head" }, h("h3", null, name), h("span", { class: "time" }, time ?? (done ? "" : "not yet"))),
    h(
      "div",
      { class: "body" },
      lines.filter(Boolean).map((line) => h("p", null, line)),
    ),
  );
}

const check = (holds, yes, no) => h("span", { class: holds ? "good" : "bad" }, holds ? `✓ ${yes}` : `✗ ${no}`);

/** When the node took it. Only the sequencer that did knows, and not for ever. */
function accepted({ stage, acceptedMs }) {
  if (stage === "unknown") return undefined;
  return acceptedMs ? when(small(acceptedMs)) : "time unknown: the node asked has not accepted it since it started";
}

function steps({ status, transaction, receipt, block, index, batch, record, height, daBlock, judgement, blob, entry }) {
  const posted = record?.posted_ms;
  const from = (earlier, ms) => (earlier && ms ? `, ${span(ms - earlier)} later` : "");
  const rows = entry && [
    Math.floor(entry.offset / daBlock.row_bytes),
    Math.floor((entry.offset + entry.length - 1) / daBlock.row_bytes),
  ];
  const failed = receipt && small(receipt.status) === 0;
  return [
    step("Ingress", status.stage !== "unknown", accepted(status), [
      transaction && [
        "from ",
        addressLink(transaction.from),
        `, nonce ${int(small(transaction.nonce))}, type ${small(transaction.type)}`,
      ],
      transaction && [
        "signed for chain ",
        transaction.chainId ? String(small(transaction.chainId)) : "any",
        "; the sender is recovered from the signature",
      ],
    ]),
    step(
      "Block",
      block && (failed ? "bad" : true),
      block && when(small(block.timestamp) * 1000, true),
      block
        ? [
            [
              "block ",
              blockLink(small(block.number)),
              `, place ${int(small(status.transactionIndex))} of ${int(block.transactions.length)}`,
            ],
            receipt && [
              failed ? h("span", { class: "bad" }, "reverted") : h("span", { class: "good" }, "success"),
              `, ${int(small(receipt.gasUsed))} gas; durable before the receipt was given`,
            ],
            ["state root ", h("span", { class: "hash" }, block.stateRoot)],
          ]
        : [],
    ),
    step(
      "Batch",
      index !== undefined,
      "",
      index !== undefined
        ? [
            [
              "batch ",
              batchLink(index),
              batch &&
                `, blocks ${int(small(batch.firstBlock))} – ${int(small(batch.lastBlock))}, ${many(small(batch.transactionCount), "transaction")} in ${bytes(small(batch.payloadBytes))}`,
            ],
            batch && ["payload ", h("span", { class: "hash" }, batch.payloadHash)],
          ]
        : [],
    ),
    step(
      "Data rows",
      height !== undefined && daBlock,
      daBlock ? [when(daBlock.time_ms)] : undefined,
      height !== undefined
        ? [
            daBlock
              ? [
                  "DA block ",
                  daLink(height),
                  `: ${daBlock.codec}, ${int(daBlock.originals)} rows extended to ${int(daBlock.rows)}`,
                ]
              : [`DA block ${int(height)}; the DA node does not answer`],
            rows && [
              `the batch is in row${rows[0] === rows[1] ? "" : "s"} `,
              link(
                `#/da/${height}/${entry.position}`,
                rows[0] === rows[1] ? int(rows[0]) : `${int(rows[0])} – ${int(rows[1])}`,
              ),
              `, bytes ${int(entry.offset)} – ${int(entry.offset + entry.length - 1)} of the payload`,
            ],
            blob && [
              blob.path.length
                ? `proof of inclusion: entry ${int(blob.position)} and ${int(blob.path.length)} sibling${blob.path.length === 1 ? "" : "s"} give the blob index root `
                : "proof of inclusion: the only entry of the blob index, whose root is ",
              h("span", { class: "hash" }, blob.block.blob_index_root),
            ],
            record &&
              daBlock &&
              check(
                record.da_data_root === daBlock.data_root,
                "the commitment names this block's data root",
                "the commitment names another data root",
              ),
          ]
        : [],
    ),
    step(
      "Commitment",
      Boolean(record),
      posted && [when(posted), from(daBlock?.time_ms, posted)],
      record
        ? [
            ["commitment ", h("span", { class: "hash" }, record.commitment), `, log entry ${int(record.log_seq)}`],
            ["signature ", h("span", { class: "hash" }, record.signature)],
            batch &&
              check(
                batch.commitment === record.commitment,
                "the node and settlement have the same commitment",
                "the node has another commitment",
              ),
          ]
        : [],
    ),
    step(
      "Available",
      record?.available_ms,
      record?.available_ms && [when(record.available_ms), from(posted, record.available_ms)],
      [
        record?.available_ms && ["settlement has sampled the data by itself"],
        judgement && [
          `this light client: ${judgement.verdict}, ${confidence(Math.min(judgement.available, judgement.encoded))} sure after ${int(judgement.samples)} samples (${bytes(judgement.downloaded_bytes)} in ${span(judgement.elapsed_ms)})`,
        ],
      ],
    ),
    step(
      "Final",
      record?.rejection ? "bad" : record?.finalized_ms,
      record?.finalized_ms && [when(record.finalized_ms), from(posted, record.finalized_ms), " than posted"],
      [
        record?.finalized_ms && [
          "re-executed, or not challenged in its window: see ",
          link("#/settlement", "the chain's terms"),
        ],
        record?.finalized_ms && ["state root ", h("span", { class: "hash" }, record.post_state_root)],
        record?.rejection && [h("span", { class: "bad" }, `rejected: ${record.rejection.reason}`)],
      ],
    ),
  ];
}

async function details(hash, { transaction, receipt }) {
  if (!transaction) return [];
  const fee = receipt ? big(receipt.gasUsed) * big(receipt.effectiveGasPrice) : undefined;
  const facts = card(
    "What it says",
    terms([
      ["Hash", whole(hash)],
      ["From", whole(transaction.from, `#/address/${transaction.from}`)],
      transaction.to
        ? ["To", whole(transaction.to, `#/address/${transaction.to}`)]
        : [
            "New contract",
            receipt?.contractAddress ? whole(receipt.contractAddress, `#/address/${receipt.contractAddress}`) : "–",
          ],
      ["Value", ether(transaction.value)],
      fee !== undefined && [
        "Fee",
        `${ether(fee)} (${int(small(receipt.gasUsed))} gas at ${gwei(receipt.effectiveGasPrice)})`,
      ],
      ["Gas limit", int(small(transaction.gas))],
      transaction.input !== "0x" && [
        "Call",
        transaction.to ? method(transaction.input) : "code of a contract",
        ` (${bytes((transaction.input.length - 2) / 2)})`,
      ],
      transaction.input !== "0x" && [
        "Input",
        h(
          "code",
          { class: "bytes", tabindex: 0, "aria-label": "Input of the call" },
          transaction.input.length > 4_098 ? `${transaction.input.slice(0, 4_098)}…` : transaction.input,
        ),
      ],
    ]),
  );
  const logs = receipt?.logs ?? [];
  if (logs.length === 0) return [facts];
  const shown = logs.slice(0, 100);
  const items = await Promise.all(shown.map(eventItem));
  return [
    facts,
    h(
      "section",
      { class: "card" },
      h("h2", null, `Events (${int(logs.length)})`),
      h("ol", { class: "events" }, items),
      logs.length > shown.length &&
        h("p", { class: "empty" }, `${int(logs.length - shown.length)} more are not shown.`),
    ),
  ];
}

/** An event in words, with what its contract says it is called. */
export async function eventItem(log) {
  const known = event(log);
  const about = known ? await token(log.address).catch(() => null) : null;
  const head = h(
    "p",
    { class: "what" },
    h("strong", null, known?.name ?? "Event"),
    known?.standard && h("span", { class: "tag" }, known.standard),
    " of ",
    addressLink(log.address),
    about?.symbol && h("span", { class: "foreign" }, ` ${foreign(about.symbol, 16)}`),
  );
  if (!known) {
    return h(
      "li",
      null,
      head,
      terms([
        ...log.topics.map((topic, at) => [`Topic ${at}`, h("span", { class: "hash long" }, topic)]),
        [
          "Data",
          log.data === "0x"
            ? "none"
            : h("code", { class: "bytes", tabindex: 0, "aria-label": "Data of the event" }, log.data.slice(0, 2_050)),
        ],
      ]),
    );
  }
  return h(
    "li",
    null,
    head,
    terms(
      known.fields.map(({ name, kind, value }) => {
        if (kind === "address") return [name, /^0x0{40}$/.test(value) ? "nobody (zero address)" : addressLink(value)];
        if (name === "value")
          return [
            name,
            amount(value, about?.decimals),
            about?.symbol
              ? h("span", { class: "foreign" }, ` ${foreign(about.symbol, 16)}`)
              : about?.decimals === undefined
                ? " (no decimals known)"
                : "",
          ];
        return [name, typeof value === "bigint" ? int(value) : String(value)];
      }),
    ),
  );
}
