// What several views show: links, states, hashes.
import { h } from "./dom.js";
import { ends } from "./format.js";

/** The states of everything that goes through Weft, in order, and what each means. */
export const STATES = {
  unknown: "not known here",
  queued: "waits for a nonce before it",
  pending: "in the pool",
  executed: "durable in a block",
  sealed: "batch is cut",
  published: "batch is on the DA layer",
  posted: "commitment is in the settlement log",
  available: "its data was sampled and is there",
  verified: "re-executed: every claim holds",
  finalized: "final",
  rejected: "rejected by settlement",
  orphaned: "built on a rejected commitment",
};

/** A state as a coloured word; the colour says nothing that the word does not. */
export function state(name) {
  return h("span", { class: `state ${name}`, title: STATES[name] ?? "" }, name);
}

/** Changes what [`state`] made. */
export function setState(element, name) {
  if (element.textContent === name) return;
  element.textContent = name;
  element.className = `state ${name}`;
  element.title = STATES[name] ?? "";
}

export const link = (href, ...words) => h("a", { href }, words);
export const blockLink = (number) => link(`#/block/${number}`, Number(number).toLocaleString("en-US"));
export const batchLink = (index) => link(`#/batch/${index}`, Number(index).toLocaleString("en-US"));
export const daLink = (height) => link(`#/da/${height}`, Number(height).toLocaleString("en-US"));

/** A hash, shortened, leading somewhere; whole in its title. */
export const hashLink = (href, hash) => h("a", { href, class: "hash", title: hash }, ends(hash));
export const txLink = (hash) => hashLink(`#/tx/${hash}`, hash);
export const addressLink = (address) => (address ? hashLink(`#/address/${address}`, address) : "–");

/** A hash in whole length, with a button that copies it. */
export function whole(hash, href) {
  const words = href ? h("a", { href, class: "hash long" }, hash) : h("span", { class: "hash long" }, hash);
  if (!navigator.clipboard) return words;
  const button = h(
    "button",
    { type: "button", class: "copy", "aria-label": `Copy ${hash.slice(0, 10)} and so on` },
    "copy",
  );
  button.onclick = async () => {
    await navigator.clipboard.writeText(hash).catch(() => {});
    button.textContent = "copied";
    setTimeout(() => (button.textContent = "copy"), 1500);
  };
  return h("span", { class: "whole" }, words, button);
}

/** That something cannot be shown, and why. */
export const trouble = (what, why) =>
  h("p", { class: "trouble", role: "alert" }, h("strong", null, what), why ? ` ${why}` : "");
