// Settlement: the log as it grows, the commitments with their states, and one of them.
import { card, h, keep, put, table, terms, text } from "./dom.js";
import { bytes, ends, ether, int, many, small, span, when } from "./format.js";
import { live, onFrame } from "./live.js";
import {
  addressLink,
  batchLink,
  blockLink,
  daLink,
  hashLink,
  link,
  setState,
  state,
  trouble,
  txLink,
  whole,
} from "./parts.js";
import { call } from "./rpc.js";
import { ask, commitmentOf, self, services, tryAsk } from "./source.js";
import { batchRow, updateBatch } from "./view-overview.js";

/** Entries shown at once, and how often they are asked for, milliseconds. */
const SHOWN = 28;
const AGAIN_MS = 1_000;

/** What an entry says: its words, and the state that it puts a commitment into. */
function said(entry) {
  switch (entry.kind) {
    case "posted":
      return [
        "posted",
        [
          "blocks ",
          blockLink(entry.first_block),
          " – ",
          blockLink(entry.last_block),
          `, ${many(entry.transactions, "transaction")}, DA block `,
          daLink(entry.da_height),
        ],
      ];
    case "availability":
      return [
        entry.available ? "available" : "rejected",
        [entry.available ? "data sampled: it is there" : "data not there in time"],
      ];
    case "verdict":
      return [
        entry.valid ? "verified" : "rejected",
        [entry.valid ? "re-executed: every claim holds" : "re-executed: a claim does not hold"],
      ];
    case "finalized":
      return ["finalized", ["final"]];
    case "rejected":
      return [
        "rejected",
        [`rejected: ${entry.reason}`, entry.block !== null && [" in block ", blockLink(entry.block)]],
      ];
    case "forced":
      return [
        "posted",
        ["forced batch, made of the inbox: blocks ", blockLink(entry.first_block), " – ", blockLink(entry.last_block)],
      ];
    case "funding":
      return ["", [ether(entry.amount_wei), " credited to ", addressLink(entry.account)]];
    case "claim":
      return [
        "",
        [`withdrawal ${int(entry.withdrawal)}: `, ether(entry.amount_wei), " paid to ", addressLink(entry.recipient)],
      ];
    case "inbox":
      if (entry.to)
        return ["", [`deposit, item ${int(entry.item)}: `, ether(entry.amount_wei), " to ", addressLink(entry.to)]];
      return [
        "",
        [`forced transaction, item ${int(entry.item)}, ${bytes(entry.bytes)} `, txLink(entry.transaction_hash)],
      ];
    case "equivocation":
      return ["rejected", ["two commitments were signed for one place; posting is frozen"]];
    case "key_change":
      return ["", ["posting key is now ", addressLink(entry.new_key), `, epoch ${int(entry.epoch)}`]];
    case "challenge":
      return [
        "",
        [
          "challenged, with witness ",
          h("span", { class: "hash", title: entry.witness_hash }, ends(entry.witness_hash)),
        ],
      ];
    case "challenge_outcome":
      return [
        entry.valid ? "verified" : "rejected",
        [entry.valid ? "the challenge failed: it is valid" : "the challenge holds: it is false"],
      ];
    case "signed_verdict":
      return [
        entry.valid ? "verified" : "rejected",
        ["verifier ", addressLink(entry.verifier), entry.valid ? " finds it valid" : " finds it false"],
      ];
    default:
      return ["", [entry.kind]];
  }
}

function entryRow(entry) {
  const [mark, words] = said(entry);
  return h(
    "tr",
    null,
    h("td", { class: "n" }, int(entry.seq)),
    h("td", { class: "time desk" }, when(entry.time_ms)),
    h("td", null, entry.batch === undefined ? "–" : batchLink(entry.batch)),
    h("td", null, mark ? state(mark) : h("span", { class: "state" }, entry.kind.replaceAll("_", " "))),
    h("td", null, words),
  );
}

export function settlement(before) {
  const rows = table("The settlement log, the newest first", ["Entry", "Time", "Batch", "Says", "In words"], {
    numeric: [0],
    desk: [1],
  });
  const batches = table("Commitments, the newest first", ["Batch", "Blocks", "Tx", "Payload", "DA block", "State"], {
    numeric: [2, 3],
    wide: [3],
    desk: [4],
  });
  const pages = h("nav", { class: "pages", "aria-label": "Pages of the log" });
  const none = h("p", { class: "empty" });
  const about = h("div");
  const element = h(
    "div",
    { class: "stack" },
    about,
    h(
      "div",
      { class: "columns uneven" },
      card("The log", none, rows.element, pages),
      card("Commitments", batches.element),
    ),
  );
  const fixed = before !== undefined && /^\d{1,15}$/.test(before);
  let ended = false;
  const look = async () => {
    if (ended) return;
    if (!live.paused && !document.hidden) await fill().catch((error) => text(none, `Settlement: ${error.message}.`));
    none.hidden = !none.textContent;
    if (!fixed || services.settlement?.ok === false) setTimeout(look, AGAIN_MS);
  };
  const fill = async () => {
    const [log, all] = await Promise.all([
      ask("settlement", `/log?last=${SHOWN}${fixed ? `&before=${before}` : ""}`),
      ask("settlement", "/status"),
    ]);
    // A service of several chains tells of each under its name.
    const status = all[`chain ${self.chain}`] ?? all;
    if (ended) return;
    text(none, log.entries.length ? "" : "The log is empty.");
    keep(rows.body, log.entries, ({ seq }) => seq, entryRow);
    const lowest = log.entries.at(-1)?.seq ?? 1;
    put(pages, fixed && link("#/settlement", "Newest"), lowest > 1 && link(`#/settlement/${lowest}`, "Older"));
    put(
      about,
      card(
        "The chain's terms",
        terms([
          [
            "Mode",
            status.mode,
            status.mode === "optimistic"
              ? `: final after ${span(status["challenge window (ms)"])} without a successful challenge`
              : ": every batch is executed again before it is final",
          ],
          ["Commitments waiting", int(status["commitments waiting"] ?? 0)],
          ["Log", `${int(log.newest)} entries`],
          ["Inbox", `${int(status["inbox items"] ?? 0)} items, ${int(status["inbox items waiting"] ?? 0)} waiting`],
          ["Posting key", status.sequencer ? addressLink(status.sequencer) : "–", `, epoch ${int(status.epoch ?? 0)}`],
          status["verifiers needed"] > 0 && [
            "Verifiers",
            `${int(status["verifiers needed"])} of ${int(status.verifiers.length)} must find it valid`,
          ],
          ["Rejections", int(status.rejections ?? 0)],
          status["posting frozen"] && [
            "Posting",
            h("span", { class: "bad" }, "frozen: the key has signed two commitments for one place"),
          ],
        ]),
      ),
    );
  };
  look();
  const stop = onFrame(() =>
    keep(
      batches.body,
      live.commitments?.commitments.slice(0, 20) ?? [],
      ({ commitment }) => commitment,
      batchRow,
      updateBatch,
    ),
  );
  return { title: "Settlement", element, stop: () => ((ended = true), stop()) };
}

export function batch(words) {
  if (!/^(\d{1,15}|0x[0-9a-f]{64})$/i.test(words ?? ""))
    throw new Error(`${words} is neither the number of a batch nor the hash of a commitment`);
  const element = h("div", { class: "stack" }, h("p", { class: "empty" }, "Reading…"));
  let ended = false;
  let known = "";
  const look = async () => {
    if (ended) return;
    const record = await (/^\d+$/.test(words)
      ? commitmentOf(Number(words))
      : tryAsk("settlement", `/commitments/${words}`));
    const index = record?.batch ?? (/^\d+$/.test(words) ? Number(words) : undefined);
    const node = index === undefined ? null : await call("weft_batch", [`0x${index.toString(16)}`]).catch(() => null);
    if (ended) return;
    const now = JSON.stringify([record, node?.stage]);
    if (now !== known) {
      known = now;
      if (!record && !node)
        put(
          element,
          trouble(
            `There is no batch ${words} (yet).`,
            services.settlement?.ok === false ? "Settlement does not answer." : "",
          ),
        );
      else put(element, record ? await committed(record, node) : uncommitted(node));
    }
    if (!record?.finalized_ms) setTimeout(look, AGAIN_MS);
  };
  look();
  return {
    title: /^\d+$/.test(words) ? `Batch ${int(Number(words))}` : `Commitment ${words.slice(0, 10)}…`,
    element,
    stop: () => (ended = true),
  };
}

async function committed(record, node) {
  const da = await tryAsk("da", `/blocks/${record.da_height}`);
  const entry = da?.entries?.find(({ hash }) => hash === record.payload_hash);
  const mark = state("posted");
  setState(mark, record.state.toLowerCase());
  const later = (ms) => (ms ? [when(ms), ` (${span(ms - record.posted_ms)} after posting)`] : ["not yet"]);
  const beside = h(
    "nav",
    { class: "pages", "aria-label": "Batches beside" },
    record.batch > 0 && link(`#/batch/${record.batch - 1}`, `← ${int(record.batch - 1)}`),
    record.batch < (live.commitments?.newest ?? 0) && link(`#/batch/${record.batch + 1}`, `${int(record.batch + 1)} →`),
  );
  return [
    h(
      "section",
      { class: "card" },
      h("h2", null, "Commitment ", mark),
      terms([
        ["Hash", whole(record.commitment)],
        ["Parent", record.batch > 0 ? whole(record.parent, `#/batch/${record.batch - 1}`) : "none: this is the first"],
        ["Blocks", blockLink(record.first_block), " – ", blockLink(record.last_block)],
        ["Transactions", `${int(record.transactions)}, with ${int(record.gas_used)} gas`],
        ["State root before", whole(record.pre_state_root)],
        ["State root after", whole(record.post_state_root)],
        ["Signature", h("span", { class: "hash long" }, record.signature)],
        record.rejection && [
          "Rejected",
          h("span", { class: "bad" }, record.rejection.reason),
          record.rejection.block !== null && [" in block ", blockLink(record.rejection.block)],
        ],
      ]),
      beside,
    ),
    h(
      "div",
      { class: "columns" },
      card(
        "Data",
        terms([
          ["DA block", daLink(record.da_height)],
          [
            "Payload",
            bytes(record.payload_bytes),
            record.transactions > 0 && ` (${(record.payload_bytes / record.transactions).toFixed(1)} B a transaction)`,
          ],
          [
            "Payload hash",
            entry
              ? hashLink(`#/da/${record.da_height}/${entry.position}`, record.payload_hash)
              : h("span", { class: "hash", title: record.payload_hash }, ends(record.payload_hash)),
          ],
          [
            "Data root",
            da
              ? h(
                  "span",
                  { class: da.data_root === record.da_data_root ? "good" : "bad" },
                  da.data_root === record.da_data_root ? "✓ is that of the DA block" : "✗ is not that of the DA block",
                )
              : "the DA node does not answer",
          ],
        ]),
      ),
      card(
        "Times",
        terms([
          da && ["On the DA layer", when(da.time_ms)],
          ["Posted", when(record.posted_ms), `, log entry ${int(record.log_seq)}`],
          ["Available", later(record.available_ms)],
          ["Final", later(record.finalized_ms)],
          record.votes.length > 0 && [
            "Verifiers",
            record.votes.map(({ verifier, valid }) => [addressLink(verifier), valid ? " valid " : " false "]),
          ],
          node && ["The node says", state(node.stage)],
        ]),
      ),
    ),
  ];
}

function uncommitted(node) {
  return card(
    "Not in the settlement log yet",
    terms([
      ["State", state(node.stage)],
      ["Blocks", blockLink(small(node.firstBlock)), " – ", blockLink(small(node.lastBlock))],
      ["Transactions", int(small(node.transactionCount))],
      ["Payload", bytes(small(node.payloadBytes))],
    ]),
  );
}
