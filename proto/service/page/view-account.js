// Accounts and contracts: who was busy lately, and one of them.
import { card, h, keep, put, table, terms } from "./dom.js";
import { amount, big, bytes, ether, foreign, int, many, small } from "./format.js";
import { live } from "./live.js";
import { TRANSFER, token } from "./abi.js";
import { addressLink, blockLink, trouble, txLink, whole } from "./parts.js";
import { all, call } from "./rpc.js";
import { eventItem } from "./view-transaction.js";
import { history, recent } from "./view-history.js";

const SHOWN = 25;
/** How often, milliseconds. */
const AGAIN_MS = 2_000;

export function accounts() {
  const people = table("Accounts that sent lately", ["Account", "Sent", "Received", "Balance"], { numeric: [1, 2, 3] });
  const contracts = table("Contracts that were called lately", ["Contract", "What it is", "Calls", "Code"], {
    numeric: [2, 3],
    wide: [3],
  });
  const none = h("p", { class: "empty" }, "Nobody has sent anything yet.");
  const noContract = h("p", { class: "empty" }, "No contract was called lately.");
  const element = h(
    "div",
    { class: "stack" },
    h("p", { class: "lead" }, "Seen in the newest blocks. Search for any address."),
    h(
      "div",
      { class: "columns" },
      card("Accounts", none, people.element),
      card("Contracts", noContract, contracts.element),
    ),
  );
  const codes = new Map();
  let ended = false;
  const look = async () => {
    if (ended) return;
    if (!live.paused && !document.hidden) await fill().catch(() => {});
    setTimeout(look, live.newest < 0 ? 200 : AGAIN_MS);
  };
  const fill = async () => {
    const counts = new Map();
    const of = (address) => counts.get(address) ?? counts.set(address, { address, sent: 0, received: 0 }).get(address);
    for (const { from, to } of await recent()) {
      of(from).sent += 1;
      if (to) of(to).received += 1;
    }
    const busiest = [...counts.values()].sort((a, b) => b.sent + b.received - a.sent - a.received).slice(0, 2 * SHOWN);
    const unknown = busiest.filter(({ address }) => !codes.has(address));
    const found = await all(unknown.map(({ address }) => ["eth_getCode", [address, "latest"]]));
    unknown.forEach(({ address }, at) => found[at] !== undefined && codes.set(address, (found[at].length - 2) / 2));
    // 23 bytes: a delegation of an account that has a key (EIP-7702).
    const [codeless, coded] = [
      busiest.filter(({ address }) => !codes.get(address) || codes.get(address) === 23),
      busiest.filter(({ address }) => codes.get(address) > 23),
    ].map((list) => list.slice(0, SHOWN));
    const states = await all(codeless.map(({ address }) => ["eth_getBalance", [address, "latest"]]));
    codeless.forEach((each, at) => (each.balance = states[at]));
    await Promise.all(coded.map(async (each) => (each.token = await token(each.address).catch(() => null))));
    if (ended) return;
    none.hidden = codeless.length > 0;
    noContract.hidden = coded.length > 0;
    contracts.element.hidden = coded.length === 0;
    const key = ({ address }) => address;
    const cell = (wide) => h("td", { class: wide ? "n wide" : "n" });
    keep(
      people.body,
      codeless,
      key,
      ({ address }) => h("tr", null, h("td", null, addressLink(address)), cell(), cell(), cell()),
      (row, each) => words(row, 1, int(each.sent), int(each.received), each.balance ? ether(each.balance) : "–"),
    );
    keep(
      contracts.body,
      coded,
      key,
      (each) =>
        h(
          "tr",
          null,
          h("td", null, addressLink(each.address)),
          h("td", { class: "foreign" }, named(each.token)),
          cell(),
          cell(true),
        ),
      (row, each) => words(row, 2, int(each.received), bytes(codes.get(each.address))),
    );
  };
  look();
  return { title: "Accounts", element, stop: () => (ended = true) };
}

function words(row, from, ...texts) {
  texts.forEach((text, at) => {
    const cell = row.children[from + at];
    if (cell.textContent !== text) cell.textContent = text;
  });
}

const named = (found) =>
  found
    ? `${foreign(found.name ?? "?", 28)} (${foreign(found.symbol ?? "?", 12)}), ${found.unique ? "ERC-721" : "ERC-20"}`
    : "contract";

/** Events of an account that are looked for, in how many of the newest blocks. */
const EVENTS = 30;
const EVENT_BLOCKS = 5_000;

/** An account; with a cursor (`#/address/0x…/0x…`) and its transactions from there down. */
export function account(address, cursor) {
  if (!/^0x[0-9a-f]{40}$/i.test(address ?? "")) throw new Error(`${address} is not an address`);
  if (!/^(0x[0-9a-f]{24})?$/i.test(cursor ?? "")) throw new Error(`${cursor} is no place among transactions`);
  address = address.toLowerCase();
  const element = h("div", { class: "stack" }, h("p", { class: "empty" }, "Reading…"));
  let ended = false;
  const facts = h("div");
  const events = h("div");
  const own = h("div");
  const fill = async () => {
    const [balance, nonce, code, latest] = await Promise.all([
      call("eth_getBalance", [address, "latest"]),
      call("eth_getTransactionCount", [address, "latest"]),
      call("eth_getCode", [address, "latest"]),
      call("eth_blockNumber"),
    ]);
    const size = (code.length - 2) / 2;
    const delegate = size === 23 && code.startsWith("0xef0100") ? `0x${code.slice(8)}` : null;
    const about = size > 23 ? await token(address).catch(() => null) : null;
    if (ended) return;
    put(
      facts,
      card(
        size > 23 ? (about ? `Token contract` : "Contract") : "Account",
        terms([
          ["Address", whole(address)],
          about && ["Name", h("span", { class: "foreign" }, foreign(about.name ?? "–"))],
          about && [
            "Symbol",
            h("span", { class: "foreign" }, foreign(about.symbol ?? "–", 16)),
            h("span", { class: "tag" }, about.unique ? "ERC-721" : "ERC-20"),
          ],
          about?.supply !== undefined && [
            about.unique ? "Tokens" : "Supply",
            `${amount(about.supply, about.unique ? 0 : about.decimals)}`,
          ],
          about && !about.unique && ["Decimals", about.decimals === undefined ? "–" : int(about.decimals)],
          ["Balance", ether(balance)],
          [
            size > 23 ? "Contracts made" : "Sent",
            size > 23 ? int(Math.max(0, small(nonce) - 1)) : many(small(nonce), "transaction"),
          ],
          delegate && ["Acts as", whole(delegate, `#/address/${delegate}`)],
          size > 23 && [
            "Code",
            `${int(size)} bytes `,
            h(
              "details",
              null,
              h("summary", null, "show"),
              h(
                "code",
                { class: "bytes", tabindex: 0, "aria-label": "Code" },
                code.slice(0, 4_098),
                code.length > 4_098 ? "…" : "",
              ),
            ),
          ],
        ]),
      ),
    );
    const from = `0x${Math.max(0, small(latest) - EVENT_BLOCKS).toString(16)}`;
    const padded = `0x${"0".repeat(24)}${address.slice(2)}`;
    const filters = size > 23 ? [{ address }] : [{ topics: [TRANSFER, padded] }, { topics: [TRANSFER, null, padded] }];
    const found = (
      await all(filters.map((filter) => ["eth_getLogs", [{ fromBlock: from, toBlock: "latest", ...filter }]]))
    )
      .flat()
      .filter(Boolean);
    const order = (log) => big(log.blockNumber) * 100_000n + big(log.logIndex);
    const newest = found.sort((a, b) => (order(a) < order(b) ? 1 : -1)).slice(0, EVENTS);
    const items = await Promise.all(
      newest.map(async (log) => {
        const item = await eventItem(log);
        item.firstChild.append(" in block ", blockLink(small(log.blockNumber)), ", ", txLink(log.transactionHash));
        return item;
      }),
    );
    if (ended) return;
    const range = ` of the newest ${int(Math.min(EVENT_BLOCKS, small(latest)))} blocks`;
    put(
      events,
      h(
        "section",
        { class: "card" },
        h("h2", null, size > 23 ? "Events" : "Tokens moved"),
        items.length
          ? [
              h(
                "p",
                { class: "lead" },
                `The newest ${int(items.length)}, looked for in the last ${int(Math.min(EVENT_BLOCKS, small(latest)))} blocks.`,
              ),
              h("ol", { class: "events" }, items),
            ]
          : h("p", { class: "empty" }, `None${range}.`),
      ),
    );
    const transactions = await history(address, cursor);
    if (ended) return;
    put(own, transactions);
  };
  fill().then(
    () => ended || put(element, facts, own, events),
    (error) => put(element, trouble("This account cannot be read.", error.message)),
  );
  return { title: `Address ${address.slice(0, 10)}…`, heading: "Address", element, stop: () => (ended = true) };
}
