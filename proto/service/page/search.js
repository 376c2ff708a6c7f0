// What somebody is looking for: told by its form, then by who has it.
import { all } from "./rpc.js";
import { services, tryAsk } from "./source.js";
import { live } from "./live.js";
import { small } from "./format.js";

/** Namespaces that people's documents are in unless they name another. */
const DOCUMENTS = "documents";

/** `{href}` where it is, or `{words}` why nowhere. */
export async function search(query) {
  const wanted = query.trim();
  if (!wanted) return { words: "" };
  const [, word, rest] = wanted.match(/^(block|batch|da|tx|blob|address)\s*[#:]?\s*(\S+)$/i) ?? [null, "", wanted];
  const plain = rest.replace(/,/g, "");
  if (/^\d{1,15}$/.test(plain)) {
    const number = BigInt(plain).toString();
    if (/^batch$/i.test(word)) return { href: `#/batch/${number}` };
    if (/^da$/i.test(word)) return { href: `#/da/${number}` };
    const latest = live.info ? small(live.info.latestBlock) : undefined;
    if (latest !== undefined && Number(number) > latest)
      return { words: `the newest block is ${latest.toLocaleString("en-US")}` };
    return { href: `#/block/${number}` };
  }
  const hex = rest.toLowerCase().replace(/^(?!0x)/, "0x");
  if (/^0x[0-9a-f]{40}$/.test(hex)) return { href: `#/address/${hex}` };
  if (/^0x[0-9a-f]{64}$/.test(hex)) return byHash(hex);
  const [, namespace, hash] = rest.match(/^([^/]+)\/((?:0x)?[0-9a-fA-F]{64})$/) ?? [];
  if (hash) return blob([namespace], hash);
  return { words: "a number, a hash, an address, “batch 7”, “da 3” or NAMESPACE/BLOB" };
}

async function byHash(hash) {
  const [transaction, block] = await all([
    ["eth_getTransactionByHash", [hash]],
    ["eth_getBlockByHash", [hash, false]],
  ]);
  if (transaction) return { href: `#/tx/${hash}` };
  if (block) return { href: `#/block/${small(block.number)}` };
  const commitment = await tryAsk("settlement", `/commitments/${hash}`);
  if (commitment) return { href: `#/batch/${commitment.batch}` };
  return blob([live.commitments?.namespace, DOCUMENTS].filter(Boolean), hash);
}

async function blob(namespaces, hash) {
  for (const namespace of namespaces) {
    const found = await tryAsk("da", `/blobs/${encodeURIComponent(namespace)}/${hash}`);
    if (found) return { href: `#/da/${found.block.height}/${found.position}` };
  }
  const silent = ["rpc", "settlement", "da"].filter((role) => services[role]?.ok === false);
  return {
    words: silent.length ? `not found, but not all could be asked (${silent.join(", ")})` : "nothing has this hash",
  };
}
