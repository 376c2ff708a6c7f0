// The services: which answer, which are ready and why not, and what each says of itself.
import { h, keep, put, text } from "./dom.js";
import { int } from "./format.js";
import { live } from "./live.js";
import { link } from "./parts.js";
import * as rpc from "./rpc.js";
import { NAMES, ask, services } from "./source.js";

const AGAIN_MS = 2_000;

/** What each is for. */
const WORDS = {
  sequencer: "orders and executes transactions, makes blocks and batches",
  rpc: "Ethereum's interface to the chain",
  da: "encodes and keeps the batches, serves rows and proofs",
  settlement: "verifies commitments and makes them final",
  light: "samples the DA layer and trusts nobody for it",
  node: "derives the chain from settlement and DA by itself",
};

export function health() {
  const list = h("ul", { class: "services" });
  const element = h("div", { class: "stack" }, list);
  let ended = false;
  const look = async () => {
    if (ended) return;
    if (!live.paused && !document.hidden) {
      const found = await Promise.all(
        Object.keys(NAMES)
          .filter((role) => services[role])
          .map(ask1),
      );
      if (ended) return;
      keep(list, found, ({ role }) => role, make, update);
    }
    setTimeout(look, AGAIN_MS);
  };
  look();
  return { title: "Services", element, stop: () => (ended = true) };
}

async function ask1(role) {
  if (role === "rpc") {
    const begun = performance.now();
    const answer = await rpc.call("web3_clientVersion").catch(() => null);
    const ms = performance.now() - begun;
    return {
      role,
      ready: answer !== null,
      missing: {},
      status:
        answer === null
          ? null
          : {
              version: answer,
              connection: rpc.state === "socket" ? "WebSocket" : "HTTP",
              "answers in": `${ms.toFixed(1)} ms`,
            },
    };
  }
  try {
    const [ready, status] = await Promise.all([ask(role, "/health/ready"), ask(role, "/status")]);
    return { role, ready: ready.ready, missing: ready.missing, status };
  } catch (error) {
    return { role, ready: false, missing: {}, status: null, why: error.message };
  }
}

function make({ role }) {
  return h(
    "li",
    { class: "card service" },
    h("h2", null, h("span", { class: "lamp", "aria-hidden": "true" }), NAMES[role], " ", h("span", { class: "state" })),
    h("p", { class: "lead" }, WORDS[role]),
    h("p", { class: "where" }),
    h("dl", { class: "terms" }),
  );
}

/** A value of a status, in words. */
function shown(value, key) {
  if (/\(ms\)$/.test(key) && value > 1e12) return new Date(value).toLocaleString();
  if (/chain.id|network/.test(key)) return String(value);
  if (Array.isArray(value) && value.length === 0) return "none";
  if (value === false) return "no";
  if (value === true) return "yes";
  if (value === null) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? int(value) : String(value);
  if (typeof value === "object") return JSON.stringify(value).slice(0, 240);
  return String(value);
}

function update(item, { role, ready, missing, status, why }) {
  const word = ready ? "ready" : status ? "not ready" : role === "node" ? "not running here" : "not reachable";
  item.dataset.health = ready ? "good" : status ? "soso" : role === "node" ? "none" : "bad";
  const mark = item.querySelector(".state");
  text(mark, word);
  mark.className = `state ${ready ? "finalized" : status ? "posted" : role === "node" ? "unknown" : "rejected"}`;
  const { url } = services[role];
  const where = item.querySelector(".where");
  if (where.dataset.url !== url + Boolean(status)) {
    where.dataset.url = url + Boolean(status);
    put(
      where,
      role === "rpc" ? h("code", null, url) : [link(url, url), status && [" · ", link(`${url}/metrics`, "metrics")]],
    );
  }
  const reasons = Object.entries(missing).map(([condition, reason]) => [`waits for ${condition}`, reason]);
  const pairs = why
    ? [["Why", why]]
    : [
        ...reasons,
        ...Object.entries(status ?? {}).filter(([key]) => key !== "recent" && key !== "nodes" && key !== "chain"),
      ];
  keep(
    item.querySelector("dl"),
    pairs,
    ([key]) => key,
    ([key]) => h("div", null, h("dt", null, key.replaceAll("_", " ")), h("dd")),
    (row, [key, value]) => {
      text(row.lastElementChild, shown(value, key));
      row.lastElementChild.classList.toggle("hash", /^(0x)?[0-9a-f]{40,}$/.test(value));
    },
  );
}
