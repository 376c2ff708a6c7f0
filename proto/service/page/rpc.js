// Ethereum's JSON-RPC: over a WebSocket while there is one, else over HTTP.
import { services } from "./source.js";

/** Longest wait for an answer, milliseconds. */
const PATIENCE_MS = 8_000;
/** Pauses between tries to connect, milliseconds. */
const RETRY_MS = [500, 10_000];

let socket = null;
let lastId = 0;
let pause = RETRY_MS[0];
const waiting = new Map();
const heads = new Set();
const states = new Set();

/** `socket`, `polling` or `away`. */
export let state = "away";

/** The error that the node answered. */
export class RpcError extends Error {
  constructor({ message, code, data }) {
    super(message);
    Object.assign(this, { code, data });
  }
}

function become(next) {
  if (next === state) return;
  state = next;
  services.rpc.ok = next !== "away";
  services.rpc.error = next === "away" ? "not reachable" : "";
  for (const tell of states) tell(next);
}

/** Tells `listener` of every new head; returns what ends that. */
export function onHead(listener) {
  heads.add(listener);
  return () => heads.delete(listener);
}

/** Tells `listener` when the connection changes. */
export const onState = (listener) => states.add(listener);

/** Connects, and connects again whenever the connection ends. */
export function connect() {
  const url = services.rpc.url.replace(/^http/, "ws");
  const next = new WebSocket(url);
  next.onopen = () => {
    socket = next;
    pause = RETRY_MS[0];
    become("socket");
    call("eth_subscribe", ["newHeads"]).catch(() => next.close());
  };
  next.onmessage = ({ data }) => receive(JSON.parse(data));
  next.onclose = () => {
    if (socket === next) socket = null;
    for (const [id, { reject, sent }] of waiting) {
      if (sent === next) {
        waiting.delete(id);
        reject(new Error("the connection to the node has ended"));
      }
    }
    if (state === "socket") become("polling");
    setTimeout(connect, pause);
    pause = Math.min(pause * 2, RETRY_MS[1]);
  };
}

function receive(message) {
  if (Array.isArray(message)) return message.forEach(receive);
  if (message.method === "eth_subscription") {
    for (const tell of heads) tell(message.params.result);
    return;
  }
  const asked = waiting.get(message.id);
  if (!asked) return;
  waiting.delete(message.id);
  clearTimeout(asked.timer);
  if (message.error) asked.reject(new RpcError(message.error));
  else asked.resolve(message.result);
}

async function post(body) {
  let answer;
  try {
    answer = await fetch(services.rpc.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (state === "away") become("polling");
    return await answer.json();
  } catch (error) {
    if (state !== "socket") become("away");
    throw error;
  }
}

/** One call. Fails with the node's [`RpcError`], or because there is no node. */
export async function call(method, params = []) {
  const request = { jsonrpc: "2.0", id: ++lastId, method, params };
  if (socket) {
    const sent = socket;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(request.id);
        reject(new Error(`${method}: no answer within ${PATIENCE_MS / 1000} s`));
      }, PATIENCE_MS);
      waiting.set(request.id, { resolve, reject, timer, sent });
      sent.send(JSON.stringify(request));
    });
  }
  const { result, error } = await post(request);
  if (error) throw new RpcError(error);
  return result;
}

/** Several calls; each answer, or `undefined` for one that failed. */
export async function all(calls) {
  if (calls.length === 0) return [];
  if (socket) {
    const answers = await Promise.allSettled(calls.map(([method, params]) => call(method, params)));
    return answers.map(({ value }) => value);
  }
  const requests = calls.map(([method, params]) => ({ jsonrpc: "2.0", id: ++lastId, method, params }));
  const answers = await post(requests);
  const byId = new Map(answers.map(({ id, result }) => [id, result]));
  return requests.map(({ id }) => byId.get(id));
}
