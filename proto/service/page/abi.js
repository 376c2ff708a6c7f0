// What events and calls of the usual contracts say (ERC-20, ERC-721, ownership, votes). Bytes that do not fit what they
// claim to be are left as they are.
import { call } from "./rpc.js";
import { foreign } from "./format.js";

const EVENTS = {
  "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef": {
    name: "Transfer",
    fields: ["from address", "to address", "value uint"],
  },
  "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925": {
    name: "Approval",
    fields: ["owner address", "spender address", "value uint"],
  },
  "0x17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31": {
    name: "ApprovalForAll",
    fields: ["owner address", "operator address", "approved bool"],
  },
  "0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0": {
    name: "OwnershipTransferred",
    fields: ["from address", "to address"],
  },
  "0x3134e8a2e6d97e929a7e54011ea5485d7d196dd5f0ba4d4ef95803e8e3fc257f": {
    name: "DelegateChanged",
    fields: ["delegator address", "from address", "to address"],
  },
  "0xdec2bacdd2f05b59de34da9b523dff8be42e5e38e818c82fdb0bae774387a724": {
    name: "DelegateVotesChanged",
    fields: ["delegate address", "before uint", "after uint"],
  },
};

/** Topic of `Transfer`, of both standards. */
export const TRANSFER = Object.keys(EVENTS)[0];

const CALLS = {
  a9059cbb: "transfer(address,uint256)",
  "095ea7b3": "approve(address,uint256)",
  "23b872dd": "transferFrom(address,address,uint256)",
  "42842e0e": "safeTransferFrom(address,address,uint256)",
  a22cb465: "setApprovalForAll(address,bool)",
  "40c10f19": "mint(address,uint256)",
  a0712d68: "mint(uint256)",
  "6a627842": "mint(address)",
  "42966c68": "burn(uint256)",
  "5c19a95c": "delegate(address)",
  d505accf: "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
};

/** What a call's input names, or its selector. */
export function method(input) {
  if (!input || input === "0x") return "";
  const selector = input.slice(2, 10);
  return CALLS[selector] ?? `0x${selector}`;
}

function word(hex, kind) {
  const value = BigInt(`0x${hex}`);
  if (kind === "address") return value >> 160n ? undefined : `0x${hex.slice(24)}`;
  if (kind === "bool") return value > 1n ? undefined : value === 1n;
  return value;
}

/** An event's name and fields, `undefined` if it is not one of those known. ERC-721 has its number among the topics. */
export function event({ topics, data }) {
  const known = EVENTS[topics[0]];
  if (!known) return undefined;
  const words = [...topics.slice(1).map((topic) => topic.slice(2)), ...(data.slice(2).match(/.{64}/g) ?? [])];
  const whole = data.length === 2 + 64 * (known.fields.length - (topics.length - 1));
  if (!whole) return undefined;
  const unique = known.fields.at(-1) === "value uint" && topics.length === 4;
  const fields = known.fields.map((field, at) => {
    const [name, kind] = field.split(" ");
    return { name: unique && name === "value" ? "tokenId" : name, kind, value: word(words[at], kind) };
  });
  if (fields.some(({ value }) => value === undefined)) return undefined;
  return {
    name: known.name,
    fields,
    standard: unique ? "ERC-721" : known.name === "Transfer" || known.name === "Approval" ? "ERC-20" : "",
  };
}

const read = (to, data) => call("eth_call", [{ to, data, gas: "0x186a0" }, "latest"]).catch(() => "0x");

function string(hex) {
  try {
    const bytes = Uint8Array.from(hex.slice(2).match(/../g) ?? [], (pair) => parseInt(pair, 16));
    if (bytes.length < 64) return undefined;
    const length = Number(BigInt(`0x${hex.slice(66, 130)}`));
    if (length > bytes.length - 64 || length > 1024) return undefined;
    return foreign(new TextDecoder("utf-8", { fatal: true }).decode(bytes.slice(64, 64 + length)), 40);
  } catch {
    return undefined;
  }
}

const number = (hex) => (hex.length === 66 ? BigInt(hex) : undefined);

/** Contracts whose names were asked for; the oldest make room. */
const tokens = new Map();
const MAX_TOKENS = 500;

/** What a contract says of itself: {name, symbol, decimals, supply, unique}; `null` if it is no token. */
export function token(address) {
  const known = tokens.get(address);
  if (known) return known;
  const asked = (async () => {
    const [name, symbol, decimals, supply, unique] = await Promise.all([
      read(address, "0x06fdde03"),
      read(address, "0x95d89b41"),
      read(address, "0x313ce567"),
      read(address, "0x18160ddd"),
      read(address, `0x01ffc9a780ac58cd${"0".repeat(56)}`),
    ]);
    const places = number(decimals);
    const found = {
      name: string(name),
      symbol: string(symbol),
      decimals: places !== undefined && places < 78n ? Number(places) : undefined,
      supply: number(supply),
      unique: number(unique) === 1n,
    };
    return found.symbol !== undefined || found.unique ? found : null;
  })();
  tokens.set(address, asked);
  if (tokens.size > MAX_TOKENS) tokens.delete(tokens.keys().next().value);
  asked.catch(() => tokens.delete(address));
  return asked;
}
