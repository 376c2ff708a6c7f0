// The DA layer: its blocks, and one as the matrix that it is, with what this node holds and the light client sampled.
import { card, h, keep, put, table, terms, text } from "./dom.js";
import { ago, bytes, confidence, ends, int, span, when } from "./format.js";
import { live, onFrame } from "./live.js";
import { bars, curves } from "./chart.js";
import { matrix, rowSet } from "./matrix.js";
import { addressLink, batchLink, daLink, link, trouble, whole } from "./parts.js";
import { ask, services, tryAsk } from "./source.js";

/** Chance that one sample succeeds though the block cannot be rebuilt, and that one passes of a wrongly encoded block. */
const WITHHELD = 1 / 4;
const WRONG = 5 / 8;

/** Most nines that a chart has room for. */
const NINES = 8;
const nines = (value) => Math.min(NINES, value >= 1 ? NINES : -Math.log10(1 - value)) / NINES;

const verdictWords = (judgement) => (judgement ? judgement.verdict.replaceAll("_", " ") : "not sampled");
const verdictClass = (judgement) =>
  ({
    available: "available",
    unavailable: "rejected",
    wrong_encoding: "rejected",
    wrong_index: "rejected",
    tampered: "rejected",
  })[judgement?.verdict] ?? "unknown";
const sureness = (judgement) => Math.min(judgement.available, judgement.encoded);

export function da(from) {
  const figures = h("dl", { class: "terms inline" });
  const rows = table(
    "DA blocks, the newest first",
    ["Height", "Age", "Blobs", "Payload", "Rows", "Samples", "Confidence", "Light client"],
    { numeric: [2, 3, 4, 5, 6], wide: [2, 4, 5], desk: [3] },
  );
  const none = h("p", { class: "empty" });
  const rise = bars("Samples that the light client has taken of each of the last DA blocks", { className: "samples" });
  const newest = h("div");
  const element = h(
    "div",
    { class: "stack" },
    newest,
    card(
      "The light client, block by block",
      figures,
      rise.element,
      h("p", { class: "axis", "aria-hidden": "true" }, h("span", null, "older"), h("span", null, "newest")),
    ),
    card("Blocks", none, rows.element),
  );
  let shown = null;
  let shownOf = "";
  let status = null;
  let asked = 0;
  const stop = onFrame(() => {
    const { da, light } = live;
    const judged = new Map((light ?? []).map((judgement) => [judgement.height, judgement]));
    text(
      none,
      services.da?.ok === false ? "The DA node does not answer." : da?.blocks.length ? "" : "No DA block yet.",
    );
    none.hidden = !none.textContent;
    rows.element.hidden = !da?.blocks.length;
    keep(
      rows.body,
      da?.blocks.slice(0, 25) ?? [],
      ({ hash }) => hash,
      row,
      (element, block) => {
        const judgement = judged.get(block.height);
        text(element.children[1], ago(block.time_ms));
        text(element.children[5], judgement ? int(judgement.samples) : "–");
        text(element.children[6], judgement ? confidence(sureness(judgement)) : "–");
        const mark = element.lastElementChild.firstElementChild;
        text(mark, verdictWords(judgement));
        mark.className = `state ${verdictClass(judgement)}`;
      },
    );
    const recent = (light ?? []).slice(0, 60).reverse();
    rise.draw(
      recent.map(({ samples }) => ({ value: samples })),
      (value) => `${int(value)} samples`,
    );
    if (Date.now() - asked > 2_000) {
      asked = Date.now();
      tryAsk("light", "/status").then((found) => (status = found));
    }
    const chain = status?.chain;
    put(
      figures,
      services.light?.ok === false
        ? h("div", null, h("dt", null, "Light client"), h("dd", null, "does not answer"))
        : [
            ["Says", status?.overall ?? "–"],
            ["Judged", status ? `${int(status.judged)} blocks` : "–"],
            [
              "Sure of all of them",
              chain
                ? `${confidence(chain.joint)} (DA blocks ${int(chain.from_height)} – ${int(chain.to_height)})`
                : "–",
            ],
            ["Wants", status ? `${confidence(status.target_confidence)} a block` : "–"],
          ].map(([term, what]) => h("div", null, h("dt", null, term), h("dd", null, what))),
    );
    const top = da?.blocks[0];
    if (top && shownOf !== top.hash) {
      shownOf = top.hash;
      picture(top.height).then(
        (made) => {
          if (shownOf !== top.hash) return made.stop();
          shown?.stop();
          shown = made;
          put(
            newest,
            h("section", { class: "card" }, h("h2", null, "The newest: DA block ", daLink(top.height)), made.element),
          );
        },
        () => {},
      );
    }
  });
  return { title: "Data availability", element, stop: () => (stop(), (shownOf = ""), shown?.stop()) };
}

function row(block) {
  const cell = (words, where) => h("td", { class: `n ${where ?? ""}` }, words);
  return h(
    "tr",
    null,
    h("td", null, daLink(block.height)),
    h("td", { class: "age" }),
    cell(int(block.blobs), "wide"),
    cell(bytes(block.payload_bytes), "desk"),
    cell(`${int(block.originals)} → ${int(block.rows)}`, "wide"),
    cell("–", "wide"),
    cell("–"),
    h("td", null, h("span", { class: "state" })),
  );
}

/** One block: `#/da/3`, or with a blob of it marked, `#/da/3/0`. */
export function daBlock(height, position) {
  if (!/^\d{1,15}$/.test(height)) throw new Error(`${height} is not the height of a DA block`);
  const element = h("div", { class: "stack" }, h("p", { class: "empty" }, "Reading…"));
  const chosen = position === undefined || !/^\d{1,9}$/.test(position) ? undefined : Number(position);
  let made = null;
  let ended = false;
  picture(Number(height), chosen).then(
    (found) => {
      if (ended) return found.stop();
      made = found;
      put(
        element,
        h("section", { class: "card" }, h("h2", null, "The matrix"), found.element),
        blobs(found.block, chosen),
        facts(found.block),
      );
    },
    (error) => put(element, trouble("This block cannot be shown.", error.message)),
  );
  return { title: `DA block ${int(Number(height))}`, element, stop: () => ((ended = true), made?.stop()) };
}

const rowsOf = (block, { offset, length }) => [
  Math.floor(offset / block.row_bytes),
  Math.floor((offset + length - 1) / block.row_bytes),
];

async function picture(height, chosen) {
  const [block, seen] = await Promise.all([ask("da", `/blocks/${height}`), tryAsk("light", `/blocks/${height}`)]);
  const judgement = seen && seen.judgement;
  if (!block) throw new Error(`There is no DA block ${int(height)}.`);
  const [held, share] = [rowSet(block.held, block.rows), rowSet(block.share, block.rows)];
  const sampled = new Set(seen?.sampled_rows ?? []);
  // What is smaller than its samples would be is downloaded as it is.
  const entire = judgement?.available === 1;
  const vain = new Set(judgement?.missing_rows ?? []);
  const marked = chosen === undefined ? null : block.entries[chosen];
  const [first, last] = marked ? rowsOf(block, marked) : [1, 0];
  const count = (test) => {
    let sum = 0;
    for (let row = 0; row < block.rows; row += 1) sum += test(row) ? 1 : 0;
    return sum;
  };
  const gone = (row) => share(row) && !held(row);
  const numbers = { held: count(held), missing: count(gone) + vain.size, sampled: sampled.size };
  const kind = (row) => {
    const [here, lost] = [held(row), gone(row) || vain.has(row)];
    const inBlob = row >= first && row <= last;
    const fill = lost
      ? "row-missing"
      : !here
        ? "row-absent"
        : inBlob
          ? "row-blob"
          : row < block.originals
            ? "row-original"
            : "row-added";
    const words = [
      lost ? "missing" : here ? "held by this node" : "kept by others, or past the sampling window",
      inBlob && "of the chosen blob",
      entire && row < block.originals && "downloaded by the light client",
      sampled.has(row) && "sampled by the light client",
    ].filter(Boolean);
    return {
      fill,
      mark: sampled.has(row) || (entire && row < block.originals) ? "row-sampled" : null,
      words: words.join(", "),
    };
  };
  const summary = `${int(block.originals)} original rows, ${int(block.rows - block.originals)} added; ${int(numbers.held)} held here, ${int(numbers.sampled)} sampled, ${int(numbers.missing)} missing.`;
  const drawn = matrix({ rows: block.rows, originals: block.originals, kind, summary });
  const key = (name, words) => h("li", null, h("span", { class: `key ${name}`, "aria-hidden": "true" }), words);
  const legend = h(
    "ul",
    { class: "legend" },
    key("row-original", `original rows (${int(block.originals)} of ${bytes(block.row_bytes)})`),
    key("row-added", `added by the code (${int(block.rows - block.originals)})`),
    marked && key("row-blob", `blob ${int(chosen)} (rows ${int(first)} – ${int(last)})`),
    key(
      "row-sampled",
      entire ? `downloaded by the light client (${int(block.originals)})` : `sampled (${int(numbers.sampled)})`,
    ),
    key("row-missing", `missing (${int(numbers.missing)})`),
    numbers.held < block.rows && key("row-absent", `not here (${int(block.rows - numbers.held)})`),
  );
  const words = h(
    "p",
    { class: "lead" },
    `${block.codec}: any ${int(block.originals)} of the ${int(block.rows)} rows give all of it back. ${int(numbers.held)} rows are held by this node.`,
  );
  return {
    block,
    element: h("div", { class: "da" }, h("div", null, words, drawn.element, legend), light(judgement)),
    stop: drawn.stop,
  };
}

/** The light client's confidence, sample by sample. */
function light(judgement) {
  if (judgement === undefined)
    return h("div", { class: "rise" }, h("h3", null, "Light client"), h("p", { class: "empty" }, "does not answer"));
  if (judgement === null)
    return h(
      "div",
      { class: "rise" },
      h("h3", null, "Light client"),
      h("p", { class: "empty" }, "has not sampled this block"),
    );
  if (judgement.available === 1) {
    return h(
      "div",
      { class: "rise" },
      h("h3", null, "The light client's confidence"),
      h(
        "p",
        { class: "sure" },
        h("span", { class: "figure" }, "100 %"),
        " ",
        h("span", { class: `state ${verdictClass(judgement)}` }, verdictWords(judgement)),
      ),
      h(
        "p",
        { class: "lead" },
        `The block is so small that its ${int(judgement.samples)} original rows were less to download than samples: ${bytes(judgement.downloaded_bytes)} in ${span(judgement.elapsed_ms)}, encoded again, and the same.`,
      ),
    );
  }
  const steps = Array.from({ length: judgement.samples + 1 }, (_, count) => count);
  const sure = sureness(judgement);
  const series = [
    { name: "withheld", values: steps.map((count) => 1 - WITHHELD ** count) },
    { name: "wrong", values: steps.map((count) => 1 - WRONG ** count) },
  ];
  const chart = curves(`Confidence rising over ${judgement.samples} samples to ${confidence(sure)}`, series, {
    y: nines,
    marks: [0.99, 0.99999],
    xLabel: `${int(judgement.samples)} samples`,
    labels: [
      [0.9, "90 %"],
      [0.99, "99 %"],
      [0.999, "99.9 %"],
      [0.99999, "99.999 %"],
      [0.9999999, "99.99999 %"],
    ],
  });
  return h(
    "div",
    { class: "rise" },
    h("h3", null, "The light client's confidence"),
    h(
      "p",
      { class: "sure" },
      h("span", { class: "figure" }, confidence(sure)),
      " ",
      h("span", { class: `state ${verdictClass(judgement)}` }, verdictWords(judgement)),
    ),
    chart,
    h(
      "ul",
      { class: "legend" },
      h(
        "li",
        null,
        h("span", { class: "key withheld", "aria-hidden": "true" }),
        `it can be rebuilt: ${confidence(judgement.available)}`,
      ),
      h(
        "li",
        null,
        h("span", { class: "key wrong", "aria-hidden": "true" }),
        `it is rightly encoded: ${confidence(judgement.encoded)}`,
      ),
    ),
    h(
      "p",
      { class: "lead" },
      `${int(judgement.samples)} samples, ${bytes(judgement.downloaded_bytes)} instead of ${bytes(judgement.payload_bytes)}, in ${span(judgement.elapsed_ms)}; header ${judgement.linked ? "linked to the one before" : "taken by its signature"}.`,
    ),
  );
}

function blobs(block, chosen) {
  const rows = table("Blobs in this block", ["#", "Namespace", "Hash", "Length", "Rows"], { numeric: [0, 3, 4] });
  const batches = live.commitments?.commitments ?? [];
  rows.body.append(
    ...block.entries.map((entry) => {
      const [first, last] = rowsOf(block, entry);
      const batch = batches.find(({ payload_hash }) => payload_hash === entry.hash);
      return h(
        "tr",
        {
          class: entry.position === chosen ? "chosen" : null,
          "aria-current": entry.position === chosen ? "true" : null,
        },
        h("td", { class: "n" }, link(`#/da/${block.height}/${entry.position}`, int(entry.position))),
        h("td", null, namespace(entry.namespace)),
        h(
          "td",
          null,
          h("span", { class: "hash", title: entry.hash }, ends(entry.hash)),
          batch && [" batch ", batchLink(batch.batch)],
        ),
        h("td", { class: "n" }, bytes(entry.length)),
        h("td", { class: "n" }, first === last ? int(first) : `${int(first)} – ${int(last)}`),
      );
    }),
  );
  const more = block.blobs - block.entries.length;
  return h(
    "section",
    { class: "card" },
    h("h2", null, `Blobs (${int(block.blobs)})`),
    rows.element,
    more > 0 && h("p", { class: "empty" }, `${int(more)} more: weft blob list shows all.`),
  );
}

/** A namespace by its name, where it is one for people. */
function namespace(hex) {
  if (hex === live.commitments?.namespace) return h("span", { title: hex }, "this chain's batches");
  const codes =
    hex
      .replace(/(00)+$/, "")
      .match(/../g)
      ?.map((pair) => parseInt(pair, 16)) ?? [];
  const plain = codes.length > 0 && codes.every((code) => code >= 32 && code < 127);
  return h(
    "span",
    { class: plain ? "foreign" : "hash", title: hex },
    plain ? String.fromCharCode(...codes) : ends(hex),
  );
}

function facts(block) {
  return card(
    "Header",
    terms([
      ["Hash", whole(block.hash)],
      ["Parent", block.height > 1 ? whole(block.prev_hash, `#/da/${block.height - 1}`) : "none: this is the first"],
      ["Made", when(block.time_ms)],
      ["Data root", whole(block.data_root)],
      ["Row root", whole(block.row_root)],
      ["Digest root", whole(block.digest_root)],
      ["Payload", `${bytes(block.payload_bytes)} in rows of ${bytes(block.row_bytes)}`],
      ["Signature", h("span", { class: "hash long" }, block.signature)],
      block.members && ["Members", block.members.map((member) => [addressLink(member), " "])],
      block.attested && ["Attested by", `${int(block.attested)} members`],
    ]),
  );
}
