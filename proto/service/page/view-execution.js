// How blocks are executed in parallel: lanes, what had to be done again, and the places of the state that all want.
import { card, h, keep, put, table, terms, text } from "./dom.js";
import { int, many, percent, short, small, span } from "./format.js";
import { newestBlocks, onFrame } from "./live.js";
import { bars } from "./chart.js";
import { addressLink, blockLink, link, trouble } from "./parts.js";
import { call } from "./rpc.js";

/** Blocks that the sums are over, and bars that are drawn. */
const BLOCKS = 200;
const BARS = 60;
const HOTTEST = 12;

/** How a transaction may have been executed: field, words, class of its colour. */
const HOW = [
  ["ahead", "Ahead of its time, and it held", "ahead"],
  ["inTurn", "When its time came", "inturn"],
  ["paid", "Plain payment, without the EVM", "paid"],
  ["reExecuted", "Again, after a conflict", "again"],
];

const numbers = (stats) =>
  Object.fromEntries(
    ["threads", "executed", "ahead", "inTurn", "paid", "reExecuted", "aborted", "wallMicros", "busyMicros"].map(
      (field) => [field, small(stats[field])],
    ),
  );

const legend = () =>
  h(
    "ul",
    { class: "legend" },
    HOW.map(([, words, name]) => h("li", null, h("span", { class: `key ${name}`, "aria-hidden": "true" }), words)),
  );

function add(total, stats) {
  const each = numbers(stats);
  for (const field of Object.keys(each))
    total[field] = field === "threads" ? Math.max(total.threads ?? 0, each.threads) : (total[field] ?? 0) + each[field];
  total.blocks = (total.blocks ?? 0) + 1;
  return total;
}

/** Lanes: one bar a thread, with how long it was at work and what it executed. */
function lanes(stats) {
  const wallMicros = small(stats.wallMicros);
  const lane = ({ busyMicros, executed, reExecuted }, at) => {
    const share = wallMicros > 0 ? Math.min(1, small(busyMicros) / wallMicros) : 0;
    const again = small(reExecuted) > 0 ? `, ${int(small(reExecuted))} again` : "";
    const fill = h("span");
    fill.style.width = `${share * 100}%`;
    return h(
      "li",
      null,
      h("span", { class: "name" }, `thread ${at + 1}`),
      h("span", { class: "track" }, fill),
      h("span", { class: "n" }, percent(share, 0)),
      h("span", { class: "did" }, `${int(small(executed))} executed${again}`),
    );
  };
  return h("ol", { class: "lanes" }, stats.lanes.slice(0, 64).map(lane));
}

function hottest(stats) {
  const places = new Map();
  for (const { hottest } of stats) {
    for (const { address, slot, conflicts } of hottest) {
      const name = `${address}/${slot ?? ""}`;
      const place = places.get(name) ?? { name, address, slot, conflicts: 0, blocks: 0 };
      place.conflicts += small(conflicts);
      place.blocks += 1;
      places.set(name, place);
    }
  }
  return [...places.values()].sort((a, b) => b.conflicts - a.conflicts).slice(0, HOTTEST);
}

function hotTable() {
  const rows = table("Places of the state with most conflicts", ["Account", "Slot", "Conflicts", "Blocks"], {
    numeric: [2, 3],
  });
  const none = h("p", { class: "empty" }, "No conflicts: no transaction read what one beside it had changed.");
  return {
    element: h("div", null, none, rows.element),
    draw(places) {
      none.hidden = places.length > 0;
      rows.element.hidden = places.length === 0;
      keep(
        rows.body,
        places,
        ({ name }) => name,
        ({ address, slot }) =>
          h(
            "tr",
            null,
            h("td", null, addressLink(address)),
            h("td", null, slot ? h("span", { class: "hash", title: slot }, slotWords(slot)) : "the account itself"),
            h("td", { class: "n" }),
            h("td", { class: "n" }),
          ),
        (row, place) => {
          text(row.children[2], int(place.conflicts));
          text(row.children[3], int(place.blocks));
        },
      );
    },
  };
}

const slotWords = (slot) =>
  BigInt(slot) < 65_536n ? BigInt(slot).toString() : `${slot.slice(0, 8)}…${slot.slice(-6)}`;

export function execution(number) {
  return number === undefined ? overall() : ofBlock(number);
}

function overall() {
  const figures = h("div", { class: "tiles" });
  const tile = (name) => {
    const [value, note] = [h("span", { class: "figure" }, "–"), h("span", { class: "note" })];
    figures.append(h("div", { class: "tile plain" }, h("h3", null, name), h("p", null, value), note));
    return (words, more) => (text(value, words), text(note, more));
  };
  const [speed, again, paid, rate] = ["Speed-up", "Executed again", "Without the EVM", "Pace"].map(tile);
  const plot = bars(`How the transactions of the last ${BARS} blocks were executed`, { className: "stacked" });
  const rows = table(
    "Newest blocks, as they were executed",
    ["Block", "Tx", "Threads", "Took", "Busy", "Again", "Speed-up"],
    { numeric: [1, 2, 3, 4, 5, 6], wide: [2, 4], desk: [3] },
  );
  const hot = hotTable();
  const laneBox = h("div");
  const none = h(
    "p",
    { class: "empty" },
    "No figures yet: they are known of blocks that the node itself has made since it was started.",
  );
  const element = h(
    "div",
    { class: "stack" },
    none,
    figures,
    card(
      "Lanes",
      h(
        "p",
        { class: "lead" },
        "The threads of the last block that was worth several: how busy each was, and what it executed.",
      ),
      laneBox,
    ),
    card(
      "Block by block",
      plot.element,
      h("p", { class: "axis", "aria-hidden": "true" }, h("span", null, "older"), h("span", null, "newest")),
      legend(),
    ),
    h(
      "div",
      { class: "columns" },
      card("Hottest places", h("p", { class: "lead" }, `Over the last ${BLOCKS} blocks.`), hot.element),
      card("Newest blocks", rows.element),
    ),
  );
  let lanesOf = "";
  const stop = onFrame(() => {
    const blocks = newestBlocks(BLOCKS).filter(({ stats }) => stats);
    none.hidden = blocks.length > 0;
    const total = blocks.reduce((sum, { stats }) => add(sum, stats), {});
    const tried = (total.ahead ?? 0) + (total.inTurn ?? 0) + (total.paid ?? 0) + (total.reExecuted ?? 0);
    const parallel = blocks
      .filter(({ stats }) => small(stats.threads) > 1)
      .reduce((sum, { stats }) => add(sum, stats), {});
    speed(
      parallel.wallMicros ? `${(parallel.busyMicros / parallel.wallMicros).toFixed(2)}×` : "–",
      parallel.blocks
        ? `in ${many(parallel.blocks, "block")} with several threads`
        : "no block was worth a second thread",
    );
    again(
      tried ? percent(total.reExecuted / tried) : "–",
      `${int(total.reExecuted ?? 0)} of ${int(tried)} transactions`,
    );
    paid(tried ? percent(total.paid / tried) : "–", "plain payments");
    const gas = blocks.reduce((sum, { gasUsed }) => sum + gasUsed, 0);
    rate(total.wallMicros ? short((gas / total.wallMicros) * 1e6) : "–", "gas a second of execution");
    plot.draw(
      blocks
        .slice(0, BARS)
        .reverse()
        .map(({ stats }) => ({ parts: HOW.map(([field, , name]) => [name, small(stats[field])]) })),
      (value) => `${short(value)} tx`,
    );
    hot.draw(hottest(blocks.map(({ stats }) => stats)));
    const wide = blocks.find(({ stats }) => small(stats.threads) > 1) ?? blocks[0];
    if (wide && lanesOf !== wide.hash) {
      lanesOf = wide.hash;
      put(
        laneBox,
        h("p", null, "block ", blockLink(wide.number), `, ${many(wide.transactions ?? 0, "transaction")}`),
        lanes(wide.stats),
      );
    }
    keep(
      rows.body,
      blocks.slice(0, 12),
      ({ hash }) => hash,
      ({ number, stats }) => {
        const each = numbers(stats);
        const cell = (words, wide) => h("td", { class: wide === "desk" ? "n desk" : wide ? "n wide" : "n" }, words);
        return h(
          "tr",
          null,
          h("td", null, link(`#/execution/${number}`, int(number))),
          cell(int(small(stats.transactions))),
          cell(int(each.threads), true),
          cell(span(each.wallMicros / 1000), "desk"),
          cell(span(each.busyMicros / 1000), true),
          cell(int(each.reExecuted)),
          cell(stats.speedUp && each.threads > 1 ? `${stats.speedUp.toFixed(2)}×` : "–"),
        );
      },
    );
  });
  return { title: "Execution", element, stop };
}

function ofBlock(words) {
  if (!/^\d{1,15}$/.test(words)) throw new Error(`${words} is not the number of a block`);
  const number = Number(words);
  const element = h("div", { class: "stack" }, h("p", { class: "empty" }, "Reading…"));
  call("weft_blockStats", [`0x${number.toString(16)}`]).then(
    (stats) => {
      if (!stats)
        return void put(
          element,
          trouble(
            "Nothing is known of how this block was executed.",
            "The node did not make it since it was started, or has made a thousand since.",
          ),
        );
      const each = numbers(stats);
      const hot = hotTable();
      hot.draw(hottest([stats]));
      const counts = HOW.map(([field, words, name]) => [
        [h("span", { class: `key ${name}`, "aria-hidden": "true" }), " ", words],
        int(each[field]),
      ]);
      put(
        element,
        card(
          "In numbers",
          terms([
            ["Block", blockLink(number)],
            ["Transactions", int(small(stats.transactions))],
            ["Executions", int(each.executed)],
            ...counts,
            ["Took", span(each.wallMicros / 1000)],
            ["All threads together", span(each.busyMicros / 1000)],
            ["Speed-up", stats.speedUp ? `${stats.speedUp.toFixed(2)}×` : "nothing to measure"],
          ]),
        ),
        card("Lanes", h("p", { class: "lead" }, "How busy each thread was, and what it executed."), lanes(stats)),
        card("Hottest places", hot.element),
      );
    },
    (error) => put(element, trouble("The node does not answer.", error.message)),
  );
  return { title: `Execution of block ${int(number)}`, element };
}
