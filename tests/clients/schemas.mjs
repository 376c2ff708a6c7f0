// Ethereum's own schemas (ethereum/execution-apis, OpenRPC) over everything that a node answers: a proxy between the
// clients and the node that passes all on as it is and judges each result, over HTTP and over WebSocket; there, what
// subscriptions send too, by the schemas of what it is.
//
//   node schemas.mjs --rpc http://127.0.0.1:8545 --listen 127.0.0.1:0 --sources DIR --ready FILE
//
// Writes its URL to FILE once it listens. At SIGTERM it prints `ok` or `not ok` lines and the total.

import { readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { listener } from "./lib/frames.mjs";

const { values: options } = parseArgs({
  options: {
    rpc: { type: "string" },
    listen: { type: "string", default: "127.0.0.1:0" },
    sources: { type: "string" },
    ready: { type: "string" },
  },
});

/** The methods' results, as validators, from the OpenRPC sources in a folder. */
function validators(folder) {
  const yaml = (path) => parse(readFileSync(path, "utf8"));
  const names = (of) => readdirSync(join(folder, of)).filter((name) => name.endsWith(".yaml"));
  const files = (of) => names(of).map((name) => yaml(join(folder, of, name)));
  const schemas = Object.assign({}, ...files("schemas"));
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  schemas.FilterResults = anyOf(schemas.FilterResults);
  ajv.addSchema({ components: { schemas } }, "apis");
  const [here, there] = ['"$ref":"#/components', '"$ref":"apis#/components'];
  const rooted = (schema) => JSON.parse(JSON.stringify(schema).replaceAll(here, there));
  const signed = ajv.compile({ $ref: "apis#/components/schemas/TransactionSigned" });
  const methods = ["eth", "debug", "txpool"].flatMap((of) => files(of).flat());
  const results = methods.filter((method) => method.result);
  const all = new Map(results.map((method) => [method.name, ajv.compile(rooted(method.result.schema))]));
  // The schemas have no transaction that waits in the pool; as everywhere, what it does not have yet is null.
  const byHash = all.get("eth_getTransactionByHash");
  const place = ["blockHash", "blockNumber", "transactionIndex"];
  const waiting = (result) => result && place.every((field) => result[field] === null);
  const transaction = (result) => {
    const valid = waiting(result) ? signed : byHash;
    const good = valid(result);
    transaction.errors = valid.errors;
    return good;
  };
  // EIP-7966 is not among the sources; its answer is a receipt.
  all.set("eth_sendRawTransactionSync", all.get("eth_getTransactionReceipt"));
  // Nor are subscriptions: a header is a block without what is not in the header.
  const beside = ["size", "transactions", "uncles"];
  const header = { ...schemas.Block, required: schemas.Block.required.filter((field) => !beside.includes(field)) };
  const of = (name) => ({ $ref: `apis#/components/schemas/${name}` });
  all.set("eth_subscribe", ajv.compile(rooted(schemas.uint)));
  all.set("eth_subscription newHeads", ajv.compile(rooted(header)));
  all.set("eth_subscription logs", ajv.compile(of("Log")));
  all.set("eth_subscription newPendingTransactions", ajv.compile(of("hash32")));
  all.set("eth_subscription transactionReceipts", ajv.compile({ type: "array", items: of("ReceiptInfo") }));
  return all.set("eth_getTransactionByHash", transaction);
}

/** One of several is enough: a list of hashes and a list of events are the same when they are empty. */
function anyOf({ oneOf, ...schema }) {
  return oneOf ? { ...schema, anyOf: oneOf } : schema;
}

const schema = validators(options.sources);
const judged = new Map();
const failures = new Map();
const unknown = new Set();

function fail(method, why, example) {
  const key = `${method}: ${why}`;
  if (!failures.has(key)) failures.set(key, example);
}

/** One answer to one question. */
function judge(question, answer) {
  const { method } = question;
  if (answer.error !== undefined) {
    const { code, message } = answer.error;
    const good = Number.isInteger(code) && typeof message === "string";
    if (!good) fail(method, "an error without code and message", answer);
    return;
  }
  if (!("result" in answer)) return fail(method, "neither result nor error", answer);
  const valid = schema.get(method);
  if (!valid) return unknown.add(method);
  judged.set(method, (judged.get(method) ?? 0) + 1);
  if (!valid(answer.result)) {
    const [first] = valid.errors;
    const place = first.instancePath.replaceAll(/\/\d+/g, "/*").replaceAll(/0x[0-9a-fA-F]{20,}/g, "0x*");
    fail(method, `${place || "result"} ${first.message}`, answer.result);
  }
}

function judgeAll(questions, answers) {
  const asked = parsed(questions);
  for (const answer of parsed(answers)) {
    const question = asked.find((one) => one?.id === answer?.id && typeof one?.method === "string");
    if (question && answer.jsonrpc !== "2.0") fail(question.method, "no jsonrpc 2.0", answer);
    else if (question) judge(question, answer);
  }
}

/** What a text says, as a list; what is no JSON is nobody's question and no answer. */
function parsed(text) {
  try {
    return [JSON.parse(text)].flat();
  } catch {
    return [];
  }
}

/** Judges one WebSocket connection: what is asked on one side, told on the other. */
function conversation() {
  const waiting = new Map();
  const subscriptions = new Map();
  const asked = (text) => {
    for (const question of parsed(text)) if (question?.method) waiting.set(question.id, question);
  };
  const told = (text) => {
    for (const answer of parsed(text)) {
      if (answer.method === "eth_subscription") {
        const { subscription, result } = answer.params;
        judge({ method: `eth_subscription ${subscriptions.get(subscription)}` }, { result });
        continue;
      }
      const question = waiting.get(answer.id);
      if (!question) continue;
      waiting.delete(answer.id);
      if (question.method === "eth_subscribe") subscriptions.set(answer.result, question.params[0]);
      judge(question, answer);
      sockets += 1;
    }
  };
  return { asked: listener(asked), told: listener(told) };
}

let sockets = 0;
const upstream = new URL(options.rpc);
const server = createServer((incoming, outgoing) => {
  const asked = [];
  const headers = { ...incoming.headers, host: upstream.host, "accept-encoding": "identity" };
  const passed = request(upstream, { method: incoming.method, headers }, (answer) => {
    const told = [];
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.on("data", (chunk) => told.push(chunk));
    answer.on("end", () => judgeAll(Buffer.concat(asked).toString(), Buffer.concat(told).toString()));
    answer.pipe(outgoing);
  });
  passed.on("error", () => outgoing.destroy());
  incoming.on("data", (chunk) => asked.push(chunk));
  incoming.pipe(passed);
});

server.on("upgrade", (incoming, client, head) => {
  const { "sec-websocket-extensions": _, ...headers } = incoming.headers;
  const passed = request(upstream, { headers: { ...headers, host: upstream.host } });
  const end = (...sides) => sides.forEach((side) => side.on("error", () => sides.forEach((other) => other.destroy())));
  passed.on("error", () => client.destroy());
  passed.on("upgrade", (answer, node, begun) => {
    const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
    const { asked, told } = conversation();
    for (const [from, to, heard, first] of [[client, node, asked, head], [node, client, told, begun]]) {
      if (first.length > 0) {
        heard(first);
        to.write(first);
      }
      from.on("data", heard);
      from.pipe(to);
    }
    end(client, node);
  });
  passed.end();
});

process.on("SIGTERM", () => {
  for (const [what, example] of failures) {
    console.log(`not ok schemas: ${what}\n  ${JSON.stringify(example).slice(0, 400)}`);
  }
  const wrong = new Set([...failures.keys()].map((key) => key.split(":")[0]));
  const right = [...judged].filter(([method]) => !wrong.has(method)).sort();
  for (const [method, times] of right) console.log(`ok schemas: ${method} (${times} answers)`);
  if (unknown.size > 0) console.log(`without a schema: ${[...unknown].sort().join(", ")}`);
  const nothing = [];
  if (judged.size === 0) nothing.push("nothing was judged");
  if (sockets === 0) nothing.push("nothing came over WebSocket");
  for (const what of nothing) console.log(`not ok schemas: ${what}`);
  console.log(`${sockets} answers came over WebSocket`);
  const failed = failures.size + nothing.length;
  console.log(`${right.length} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
});

const [host, port] = options.listen.split(":");
server.listen(Number(port), host, () => {
  writeFileSync(`${options.ready}.new`, `http://${host}:${server.address().port}`);
  renameSync(`${options.ready}.new`, options.ready);
});
