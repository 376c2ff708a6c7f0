// Numbers as people read them: exact, with their unit.
import { h } from "./dom.js";

const count = new Intl.NumberFormat("en-US");
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** A quantity of JSON-RPC (`0x..`), exact. */
export const big = (quantity) => BigInt(quantity ?? 0);

/** A quantity that is known to be below 2^53: heights, counts, gas. */
export const small = (quantity) => Number(big(quantity));

/** An integer with its thousands apart. */
export const int = (value) => count.format(value);

/** Wei as ether, every digit of it. */
export function ether(wei) {
  const value = big(wei);
  const whole = value / 10n ** 18n;
  const rest = (value % 10n ** 18n).toString().padStart(18, "0").replace(/0+$/, "");
  return `${int(whole)}${rest ? `.${rest}` : ""} ETH`;
}

/** Small sums are told in the unit that shows them: below a millionth of an ether in gwei or wei. */
export function sum(wei) {
  const value = big(wei);
  if (value === 0n || value >= 10n ** 12n) return ether(value);
  return value >= 10n ** 6n ? gwei(value) : `${int(value)} wei`;
}

/** Wei as gwei, every digit of it. */
export function gwei(wei) {
  const value = big(wei);
  const rest = (value % 10n ** 9n).toString().padStart(9, "0").replace(/0+$/, "");
  return `${int(value / 10n ** 9n)}${rest ? `.${rest}` : ""} gwei`;
}

/** An amount of a token with so many decimals. */
export function amount(value, decimals) {
  if (decimals === undefined || decimals > 77) return int(value);
  const unit = 10n ** BigInt(decimals);
  const rest = decimals ? (value % unit).toString().padStart(decimals, "0").replace(/0+$/, "") : "";
  return `${int(value / unit)}${rest ? `.${rest}` : ""}`;
}

/** So many of something: "1 block", "2 blocks". */
export const many = (value, what) => `${int(value)} ${what}${Number(value) === 1 ? "" : "s"}`;

/** Bytes in the unit that fits. */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = Number(value);
  let at = 0;
  while (size >= 1024 && at < units.length - 1) [size, at] = [size / 1024, at + 1];
  return `${at === 0 ? size : size.toFixed(size < 10 ? 2 : 1)} ${units[at]}`;
}

/** A number with three digits that count. */
export function short(value) {
  if (!Number.isFinite(value)) return "–";
  for (const [limit, unit] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e4, "k"],
  ]) {
    if (value >= limit) return `${(value / (limit === 1e4 ? 1e3 : limit)).toPrecision(3)} ${unit}`;
  }
  return value >= 100 || Number.isInteger(value) ? int(Math.round(value)) : value.toPrecision(2);
}

/** A length of time, given in milliseconds. */
export function span(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 1) return `${Math.max(0, Math.round(ms * 1000))} µs`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return ms < 172_800_000 ? `${(ms / 3_600_000).toFixed(1)} h` : `${(ms / 86_400_000).toFixed(1)} days`;
}

/** How long ago. */
export function ago(ms) {
  const past = Date.now() - ms;
  return past < 1000 ? "now" : `${span(past).replace(/(\d)\.\d+ s$/, "$1 s")} ago`;
}

/** A moment, given in milliseconds, to the millisecond or (`whole`) to the second. */
export function when(ms, whole = false) {
  const time = new Date(ms);
  const words = `${clock.format(time)}${whole ? "" : `.${String(ms % 1000).padStart(3, "0")}`}`;
  return h("time", { datetime: time.toISOString(), title: full.format(time) }, words);
}

/** A share of 1. */
export const percent = (share, digits = 1) => `${(share * 100).toFixed(digits)} %`;

/** A confidence: as many nines as there are, and one digit more. */
export function confidence(value) {
  if (value >= 1) return "100 %";
  const nines = Math.min(12, Math.floor(-Math.log10(1 - value)));
  const digits = Math.max(1, nines - 1);
  // Rounded down: it never says more than there is.
  return `${(Math.floor(value * 100 * 10 ** digits) / 10 ** digits).toFixed(digits)} %`;
}

/** The two ends of a hash or an address; whole for who points at it, or has it read out. */
export const ends = (hex) => (hex.length > 18 ? `${hex.slice(0, 8)}…${hex.slice(-6)}` : hex);

/** Text from a contract: at most so long, and nothing that turns or hides what is around it. */
export function foreign(value, limit = 64) {
  const plain = String(value).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "");
  return plain.length > limit ? `${plain.slice(0, limit)}…` : plain;
}
