// The chain as it grows. Whatever arrives is noted at once and shown once a frame: a thousand blocks between two frames
// cost one drawing.
import { all, call, onHead } from "./rpc.js";
import { self, tryAsk } from "./source.js";
import { small } from "./format.js";

/** Blocks that are remembered; views show fewer. */
const BLOCKS = 600;
/** Seconds of throughput that are remembered. */
export const SECONDS = 120;
/** Blocks asked for their figures at once, and how often, milliseconds. */
const ASK = 400;
const ASK_MS = 250;
/** Newest blocks that are asked for where nothing told of them. */
const RECENT = 60;
/** How often heads, and what other services say, are asked for, milliseconds. */
const HEADS_MS = 1_000;
const OTHERS_MS = 2_000;
/** Least time between two drawings, milliseconds. */
const DRAW_MS = 150;

export const live = {
  paused: false,
  /** What `weft_info` says; null until the node has answered. */
  info: null,
  /** Number -> {number, hash, timestamp, gasUsed, gasLimit, baseFee, transactions, stats}. */
  blocks: new Map(),
  newest: -1,
  /** Second -> {blocks, transactions, gas}. */
  seconds: new Map(),
  /** Time from the beginning of a block to durable, over the last minute: {p50, p99} in milliseconds. */
  latency: null,
  /** Of settlement: {newest, namespace, commitments}. */
  commitments: null,
  /** Of the DA node: {newest, blocks}. */
  da: null,
  /** Of the light client. */
  light: null,
  /** Updates taken from the subscription. */
  updates: 0,
};

const listeners = new Set();
const unasked = new Set();
let dirty = false;
let drawn = 0;

/** Calls `draw` once a frame at most, and only when something is new; returns what ends that. */
export function onFrame(draw) {
  listeners.add(draw);
  draw();
  return () => listeners.delete(draw);
}

export function touch() {
  if (dirty) return;
  dirty = true;
  requestAnimationFrame(frame);
}

function frame(now) {
  if (live.paused) {
    dirty = false;
    return;
  }
  if (now - drawn < DRAW_MS) return void requestAnimationFrame(frame);
  [dirty, drawn] = [false, now];
  for (const draw of listeners) draw();
}

export function pause(paused) {
  live.paused = paused;
  if (!paused) touch();
}

function note(header) {
  const number = small(header.number);
  const known = live.blocks.get(number);
  if (number === 0 || known?.hash === header.hash) return;
  live.updates += 1;
  if (known) {
    // A follower has taken blocks back: what stood above this one is gone.
    for (let above = live.newest; above > number; above -= 1) live.blocks.delete(above);
    live.newest = number;
  }
  live.blocks.set(number, {
    number,
    hash: header.hash,
    timestamp: small(header.timestamp),
    gasUsed: small(header.gasUsed),
    gasLimit: small(header.gasLimit),
    baseFee: header.baseFeePerGas,
    transactions: undefined,
    stats: undefined,
  });
  live.newest = Math.max(live.newest, number);
  unasked.add(number);
  live.blocks.delete(number - BLOCKS);
  if (unasked.size > BLOCKS) unasked.delete(unasked.values().next().value);
  touch();
}

function tally(block) {
  const second = live.seconds.get(block.timestamp) ?? { blocks: 0, transactions: 0, gas: 0 };
  second.blocks += 1;
  second.transactions += block.transactions;
  second.gas += block.gasUsed;
  live.seconds.set(block.timestamp, second);
  const oldest = Math.floor(Date.now() / 1000) - SECONDS - 5;
  for (const time of live.seconds.keys()) if (time < oldest) live.seconds.delete(time);
}

/** Asks how new blocks were executed; a node that did not make them counts their transactions. */
async function figures() {
  const numbers = [...unasked].slice(-ASK);
  if (numbers.length === 0) return;
  const tag = (number) => `0x${number.toString(16)}`;
  const stats = await all(numbers.map((number) => ["weft_blockStats", [tag(number)]]));
  const without = numbers.filter((_, at) => !stats[at]);
  const counts = await all(without.map((number) => ["eth_getBlockTransactionCountByNumber", [tag(number)]]));
  numbers.forEach((number, at) => {
    const block = live.blocks.get(number);
    const count = stats[at]?.transactions ?? counts[without.indexOf(number)];
    unasked.delete(number);
    if (!block || count === undefined || count === null || block.transactions !== undefined) return;
    Object.assign(block, { stats: stats[at] ?? null, transactions: small(count) });
    tally(block);
  });
  touch();
}

async function headsNow() {
  const info = await call("weft_info");
  live.info = info;
  self.chain = BigInt(info.chainId);
  const latest = small(info.latestBlock);
  // What the subscription did not tell: at the beginning, after an outage, and without one.
  const missing = [];
  for (let number = latest; number > 0 && number > latest - RECENT; number -= 1) {
    if (!live.blocks.has(number)) missing.push(`0x${number.toString(16)}`);
  }
  const blocks = await all(missing.reverse().map((number) => ["eth_getBlockByNumber", [number, false]]));
  for (const block of blocks) if (block) note(block);
  touch();
}

/** Buckets of a histogram in Prometheus's text: upper bound -> count. */
function buckets(text, name) {
  const found = new Map();
  for (const [, bound, count] of text.matchAll(
    new RegExp(`^${name}_bucket\\{[^}]*le="([^"]+)"[^}]*\\} (\\S+)`, "gm"),
  )) {
    const le = bound === "+Inf" ? Infinity : Number(bound);
    found.set(le, (found.get(le) ?? 0) + Number(count));
  }
  return found;
}

/** A quantile of what came between two readings, milliseconds: within a bucket it is taken to lie evenly. */
function quantile(before, after, share) {
  const bounds = [...after.keys()].sort((a, b) => a - b);
  const counts = bounds.map((le) => after.get(le) - (before?.get(le) ?? 0));
  const total = counts.at(-1) ?? 0;
  if (total <= 0) return undefined;
  const at = counts.findIndex((count) => count >= share * total);
  const [low, below] = at === 0 ? [0, 0] : [bounds[at - 1], counts[at - 1]];
  if (bounds[at] === Infinity) return low * 1000;
  return (low + ((bounds[at] - low) * (share * total - below)) / (counts[at] - below || 1)) * 1000;
}

const readings = [];

async function others() {
  const owner = self.role === "node" ? "node" : "sequencer";
  const [metrics, commitments, da, light] = await Promise.all([
    tryAsk(owner, "/metrics"),
    tryAsk("settlement", "/commitments?last=60"),
    tryAsk("da", "/blocks?last=60"),
    tryAsk("light", "/judgements?last=60"),
  ]);
  Object.assign(live, { commitments, da, light });
  if (metrics?.text) {
    readings.push(buckets(metrics.text, "weft_sequencer_block_total_seconds"));
    if (readings.length > 30) readings.shift();
    const [before, after] = [readings.length > 1 ? readings[0] : undefined, readings.at(-1)];
    const latency = { p50: quantile(before, after, 0.5), p99: quantile(before, after, 0.99) };
    if (latency.p50 !== undefined) live.latency = latency;
  }
  touch();
}

/** Runs `work` for ever, so many milliseconds after it ended, while the page is looked at. */
function again(work, every_ms) {
  const run = async () => {
    if (!document.hidden) await work().catch(() => touch());
    setTimeout(run, every_ms);
  };
  run();
}

export function start() {
  onHead(note);
  again(headsNow, HEADS_MS);
  again(figures, ASK_MS);
  again(others, OTHERS_MS);
}

/** Blocks, the newest first. */
export function newestBlocks(count) {
  const found = [];
  for (let number = live.newest; number > 0 && found.length < count; number -= 1) {
    const block = live.blocks.get(number);
    if (!block) break;
    found.push(block);
  }
  return found;
}

/** The last full seconds, oldest first: {second, blocks, transactions, gas}. */
export function throughput(seconds = SECONDS) {
  const now = Math.floor(Date.now() / 1000);
  return Array.from({ length: seconds }, (_, at) => {
    const second = now - seconds + at;
    return { second, blocks: 0, transactions: 0, gas: 0, ...live.seconds.get(second) };
  });
}

/** How far a block is: `executed`, `posted`, `available` or `finalized`. */
export function stageOf(number) {
  const { info, commitments } = live;
  if (!info) return "executed";
  if (number <= small(info.finalizedBlock)) return "finalized";
  if (number <= small(info.safeBlock)) return "available";
  const tip = commitments?.commitments?.[0];
  return tip && number <= tip.last_block ? "posted" : "executed";
}
