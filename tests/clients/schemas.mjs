// Ethereum's own schemas (ethereum/execution-apis, OpenRPC) over everything that a node answers: a proxy between the
// clients and the node that passes all on as it is and judges each result.
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
  let asked, told;
  try {
    asked = [JSON.parse(questions)].flat();
    told = [JSON.parse(answers)].flat();
  } catch {
    return;
  }
  for (const answer of told) {
    const question = asked.find((one) => one?.id === answer?.id && typeof one?.method === "string");
    if (question && answer.jsonrpc !== "2.0") fail(question.method, "no jsonrpc 2.0", answer);
    else if (question) judge(question, answer);
  }
}

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

process.on("SIGTERM", () => {
  for (const [what, example] of failures) {
    console.log(`not ok schemas: ${what}\n  ${JSON.stringify(example).slice(0, 400)}`);
  }
  const wrong = new Set([...failures.keys()].map((key) => key.split(":")[0]));
  const right = [...judged].filter(([method]) => !wrong.has(method)).sort();
  for (const [method, times] of right) console.log(`ok schemas: ${method} (${times} answers)`);
  if (unknown.size > 0) console.log(`without a schema: ${[...unknown].sort().join(", ")}`);
  if (judged.size === 0) console.log("not ok schemas: nothing was judged");
  const failed = failures.size + Number(judged.size === 0);
  console.log(`${right.length} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
});

const [host, port] = options.listen.split(":");
server.listen(Number(port), host, () => {
  writeFileSync(`${options.ready}.new`, `http://${host}:${server.address().port}`);
  renameSync(`${options.ready}.new`, options.ready);
});
