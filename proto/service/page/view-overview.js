// Everything at a glance: how far each part is, how fast, and what came last.
import { card, h, keep, table, text } from "./dom.js";
import { ago, bytes, confidence, int, many, short, small, span } from "./format.js";
import { live, newestBlocks, onFrame, stageOf, throughput } from "./live.js";
import { bars, spark } from "./chart.js";
import { batchLink, blockLink, daLink, link, setState, state } from "./parts.js";
import { services } from "./source.js";

/** Seconds that rates are told over. */
const WINDOW_S = 10;

/** One station of the way: what it holds, and how far it is behind the one before. */
function station(name, kind, href) {
  const value = h("a", { class: "value", href }, "–");
  const note = h("span", { class: "note" });
  const element = h("li", { class: `station ${kind}` }, h("span", { class: "name" }, name), value, note);
  return {
    element,
    set(words, more, to) {
      text(value, words);
      text(note, more);
      if (to && value.getAttribute("href") !== to) value.setAttribute("href", to);
    },
  };
}

function tile(name, hint) {
  const value = h("span", { class: "figure" }, "–");
  const unit = h("span", { class: "unit" });
  const note = h("span", { class: "note" });
  const line = spark(`${name}, the last two minutes`);
  const element = h(
    "div",
    { class: "tile", title: hint },
    h("h3", null, name),
    h("p", null, value, " ", unit),
    note,
    line.element,
  );
  return {
    element,
    line,
    set(words, of, more) {
      text(value, words);
      text(unit, of);
      text(note, more);
    },
  };
}

const sum = (items, field) => items.reduce((total, item) => total + item[field], 0);

/** Median; `undefined` of nothing. */
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

export function overview() {
  const stations = {
    block: station("Block", "executed", "#/blocks"),
    batch: station("Batch", "sealed", "#/settlement"),
    da: station("DA block", "published", "#/da"),
    posted: station("Posted", "posted", "#/settlement"),
    safe: station("Available", "available", "#/blocks"),
    final: station("Final", "finalized", "#/blocks"),
  };
  const way = h(
    "ol",
    { class: "way", "aria-label": "How far the chain is, station by station" },
    Object.values(stations).map(({ element }) => element),
  );
  const tiles = {
    rate: tile("Throughput", `Transactions in blocks, a second, over ${WINDOW_S} seconds`),
    gas: tile("Gas", "Gas used, a second"),
    latency: tile("To durable", "From the beginning of a block until it is durable: what a receipt waits for"),
    finality: tile("To final", "From a commitment's posting until it is final"),
    sure: tile("Data is there", "The light client's confidence that all DA blocks so far can be rebuilt"),
  };
  const plot = bars("Transactions in blocks in each of the last 120 seconds");
  const chart = h(
    "section",
    { class: "card" },
    h("h2", null, "Transactions a second"),
    plot.element,
    h("p", { class: "axis", "aria-hidden": "true" }, h("span", null, "2 min ago"), h("span", null, "now")),
  );
  const blocks = table("Newest blocks", ["Block", "Age", "Tx", "Gas", "State"], { numeric: [2, 3] });
  const batches = table("Newest commitments", ["Batch", "Blocks", "Tx", "Payload", "DA block", "State"], {
    numeric: [2, 3],
    wide: [3],
    desk: [4],
  });
  const quiet = h("p", { class: "empty" }, "No block yet. Weft makes none while nobody sends anything.");
  const noSettlement = h("p", { class: "empty" });
  const element = h(
    "div",
    { class: "stack" },
    way,
    h(
      "div",
      { class: "tiles" },
      Object.values(tiles).map(({ element }) => element),
    ),
    chart,
    h(
      "div",
      { class: "columns" },
      card("Blocks", quiet, blocks.element, h("p", { class: "more" }, link("#/blocks", "All blocks"))),
      card(
        "Batches",
        noSettlement,
        batches.element,
        h("p", { class: "more" }, link("#/settlement", "The settlement log")),
      ),
    ),
  );

  const stop = onFrame(() => {
    const seconds = throughput();
    const recent = seconds.slice(-WINDOW_S);
    const { info, da, light, latency } = live;
    drawStations(stations, info, da);
    tiles.rate.set(
      short(sum(recent, "transactions") / WINDOW_S),
      "tx/s",
      `${short(sum(recent, "blocks") / WINDOW_S)} blocks/s`,
    );
    tiles.rate.line.draw(seconds.map(({ transactions }) => transactions));
    tiles.gas.set(
      short(sum(recent, "gas") / WINDOW_S),
      "gas/s",
      info ? `${int(small(info.poolPending))} in the pool` : "",
    );
    tiles.gas.line.draw(seconds.map(({ gas }) => gas));
    tiles.latency.set(
      latency ? span(latency.p50) : "–",
      latency ? "median" : "",
      latency ? `99 % within ${span(latency.p99)}` : "of this minute: nothing yet",
    );
    tiles.latency.line.draw(
      newestBlocks(60)
        .reverse()
        .map(({ stats }) => (stats ? small(stats.wallMicros) : 0)),
    );
    const done = live.commitments?.commitments?.filter(({ finalized_ms }) => finalized_ms) ?? [];
    const times = done.map(({ finalized_ms, posted_ms }) => finalized_ms - posted_ms);
    tiles.finality.set(
      times.length ? span(median(times)) : "–",
      times.length ? "median" : "",
      times.length ? `of the last ${times.length}` : "no commitment is final yet",
    );
    tiles.finality.line.draw(times.toReversed());
    const linked = light?.filter(({ linked }) => linked) ?? [];
    tiles.sure.set(
      linked.length
        ? confidence(Math.min(...linked.map(({ available, encoded }) => Math.min(available, encoded))))
        : "–",
      linked.length ? "sure" : "",
      linked.length
        ? `lowest of the last ${linked.length} DA blocks`
        : services.light?.ok === false
          ? "the light client does not answer"
          : "nothing was sampled yet",
    );
    tiles.sure.line.draw(linked.map(({ samples }) => samples).reverse());
    plot.draw(
      seconds.map(({ transactions, second }) => ({ value: transactions, title: second })),
      (value) => `${short(value)} tx/s`,
    );
    const newest = newestBlocks(8);
    quiet.hidden = newest.length > 0;
    blocks.element.hidden = newest.length === 0;
    keep(blocks.body, newest, ({ hash }) => hash, blockRow, updateBlock);
    const { commitments } = live;
    text(
      noSettlement,
      commitments ? (commitments.commitments.length ? "" : "No batch was posted yet.") : "Settlement does not answer.",
    );
    noSettlement.hidden = !noSettlement.textContent;
    batches.element.hidden = !commitments?.commitments.length;
    keep(
      batches.body,
      commitments?.commitments.slice(0, 8) ?? [],
      ({ commitment }) => commitment,
      batchRow,
      updateBatch,
    );
  });
  return { title: "Overview", element, stop };
}

function drawStations(stations, info, da) {
  const tip = live.commitments?.commitments?.[0];
  if (info) {
    const [latest, safe, final] = [info.latestBlock, info.safeBlock, info.finalizedBlock].map(small);
    const last = live.blocks.get(latest);
    stations.block.set(
      int(latest),
      last ? ago(last.timestamp * 1000) : "genesis",
      latest ? `#/block/${latest}` : "#/blocks",
    );
    const behind = (number) => (number >= latest ? "up to date" : `${many(latest - number, "block")} to go`);
    stations.safe.set(int(safe), behind(safe), safe ? `#/block/${safe}` : "#/blocks");
    stations.final.set(int(final), behind(final), final ? `#/block/${final}` : "#/blocks");
    if (tip) stations.posted.set(int(tip.last_block), behind(tip.last_block), `#/batch/${tip.batch}`);
  }
  if (tip)
    stations.batch.set(
      int(tip.batch),
      `${int(tip.transactions)} tx in ${bytes(tip.payload_bytes)}`,
      `#/batch/${tip.batch}`,
    );
  const newest = da?.blocks?.[0];
  if (newest)
    stations.da.set(
      int(newest.height),
      `${int(newest.rows)} rows, ${bytes(newest.payload_bytes)}`,
      `#/da/${newest.height}`,
    );
  if (services.da?.ok === false) stations.da.set("–", "does not answer");
  if (services.settlement?.ok === false)
    for (const name of ["batch", "posted"]) stations[name].set("–", "settlement does not answer");
}

export function blockRow(block) {
  return h(
    "tr",
    null,
    h("td", null, blockLink(block.number)),
    h("td", { class: "age" }),
    h("td", { class: "n" }),
    h("td", { class: "n" }, int(block.gasUsed)),
    h("td", null, state("executed")),
  );
}

export function updateBlock(row, block) {
  text(row.children[1], ago(block.timestamp * 1000));
  text(row.children[2], block.transactions === undefined ? "…" : int(block.transactions));
  setState(row.lastElementChild.firstElementChild, stageOf(block.number));
}

export function batchRow(record) {
  const blocks =
    record.first_block === record.last_block
      ? [blockLink(record.first_block)]
      : [blockLink(record.first_block), " – ", blockLink(record.last_block)];
  return h(
    "tr",
    null,
    h("td", null, batchLink(record.batch)),
    h("td", null, blocks),
    h("td", { class: "n" }, int(record.transactions)),
    h("td", { class: "n wide" }, bytes(record.payload_bytes)),
    h("td", { class: "desk" }, daLink(record.da_height)),
    h("td", null, state("posted")),
  );
}

export function updateBatch(row, record) {
  setState(row.lastElementChild.firstElementChild, record.state.toLowerCase());
}
