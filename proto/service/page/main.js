// Starts the page: where the services are, then the view that the address names (`#/block/12`).
import { h, put, text } from "./dom.js";
import { big, small } from "./format.js";
import { live, onFrame, pause, start } from "./live.js";
import { trouble } from "./parts.js";
import * as rpc from "./rpc.js";
import { search } from "./search.js";
import { discover, self, services } from "./source.js";
import { accounts, account } from "./view-account.js";
import { block, blocks } from "./view-block.js";
import { da, daBlock } from "./view-da.js";
import { execution } from "./view-execution.js";
import { overview } from "./view-overview.js";
import { health } from "./view-health.js";
import { batch, settlement } from "./view-settlement.js";
import { transaction, transactions } from "./view-transaction.js";

/** The views of the navigation, and which paths belong to each. */
const VIEWS = [
  ["", "Overview", []],
  ["blocks", "Blocks", ["block"]],
  ["txs", "Transactions", ["tx"]],
  ["accounts", "Accounts", ["address"]],
  ["execution", "Execution", []],
  ["da", "Data", []],
  ["settlement", "Settlement", ["batch"]],
  ["services", "Services", []],
];

/** Path -> what shows it. A view gives {title, element, stop}; `stop` ends what it began. */
const ROUTES = {
  "": overview,
  blocks,
  block,
  txs: transactions,
  tx: transaction,
  accounts,
  address: account,
  execution,
  da,
  settlement,
  batch,
  services: health,
};

const main = document.getElementById("main");
const links = new Map();
let shown = null;

function route() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decode);
  const make = name === "da" && rest.length > 0 ? daBlock : ROUTES[name];
  const first = shown === null;
  shown?.stop?.();
  try {
    shown = make ? make(...rest) : { title: "Not found", element: trouble("There is no such view.", location.hash) };
  } catch (error) {
    shown = { title: "Not found", element: trouble("This address cannot be shown.", error.message) };
  }
  document.title = `${shown.title} · Weft`;
  put(main, h("h1", null, shown.heading ?? shown.title), shown.element);
  const owner = VIEWS.find(([path, , others]) => path === name || others.includes(name))?.[0];
  for (const [path, link] of links) {
    if (path === owner) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (first) return;
  // Whoever does not see the view change is told by the focus; whoever does should not see a ring.
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function navigation() {
  const list = document.getElementById("views");
  for (const [path, name] of VIEWS) {
    const link = h("a", { href: `#/${path}` }, name);
    links.set(path, link);
    list.append(h("li", null, link));
  }
  const skip = document.getElementById("skip");
  skip.onclick = (event) => {
    // The address belongs to the views.
    event.preventDefault();
    main.focus();
  };
}

function theme() {
  const button = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const kept = localStorage.getItem("theme");
  if (kept) document.documentElement.dataset.theme = kept;
  button.onclick = () => {
    const now = document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("theme", next);
    dispatchEvent(new Event("theme"));
  };
  dark.addEventListener("change", () => dispatchEvent(new Event("theme")));
}

function pausing() {
  const button = document.getElementById("pause");
  button.onclick = () => {
    pause(!live.paused);
    button.setAttribute("aria-pressed", String(live.paused));
    text(button.querySelector(".word"), live.paused ? "Go on" : "Pause");
  };
}

function searching() {
  const form = document.getElementById("search");
  const query = document.getElementById("query");
  const found = document.getElementById("found");
  form.onsubmit = async (event) => {
    event.preventDefault();
    text(found, "looking…");
    const wanted = query.value;
    const { href, words } = await search(wanted);
    // Whoever went on typing looks for something else.
    if (query.value !== wanted) return;
    text(found, words ?? "");
    if (!href) return;
    query.value = "";
    query.blur();
    if (location.hash === href) route();
    else location.hash = href;
  };
  query.onfocus = () => query.select();
  query.oninput = () => text(found, "");
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.activeElement === query) query.blur();
    if (
      event.key !== "/" ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName)
    )
      return;
    event.preventDefault();
    query.focus();
  });
}

const CONNECTION = {
  socket: "live, by subscription",
  polling: "asking again every second",
  away: "the node does not answer",
};

function bars() {
  const chain = document.getElementById("chain");
  const link = document.getElementById("link");
  rpc.onState(() => draw());
  const draw = () => {
    text(chain, live.info ? `chain ${big(live.info.chainId)}` : "");
    link.className = `link ${rpc.state}`;
    const pool = live.info ? ` · pool ${small(live.info.poolPending) + small(live.info.poolQueued)}` : "";
    text(link, `${self.version} · served by the ${self.name} · ${CONNECTION[rpc.state]}${pool}`);
  };
  onFrame(draw);
}

navigation();
theme();
pausing();
searching();
put(main, h("p", { class: "empty" }, "Asking where the services are…"));
try {
  await discover();
} catch (error) {
  put(main, trouble("The service that served this page does not answer.", error.message));
  throw error;
}
if (services.rpc) rpc.connect();
start();
bars();
addEventListener("hashchange", route);
route();
// For whoever measures how fast this page is.
globalThis.weft = { live };
