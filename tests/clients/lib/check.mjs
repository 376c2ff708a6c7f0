// One line a check, a total at the end, no check without an end.
import { parseArgs } from "node:util";

/** Longest that one check may take. */
const DEADLINE_MS = 30_000;

const { values } = parseArgs({ options: { rpc: { type: "string" }, ws: { type: "string" } } });

/** The node under test. */
export const rpc = values.rpc ?? "http://127.0.0.1:8545";
export const ws = values.ws ?? rpc.replace(/^http/, "ws");

/** The mnemonic of the development accounts, and which account each area spends from (Hardhat: also the two after). */
export const MNEMONIC = "test test test test test test test test test test test junk";
export const ACCOUNT = { cast: 0, forge: 1, ethers: 2, viem: 3, "web3.py": 4, snarkjs: 5, errors: 6, hardhat: 7 };

/** Fails unless the value has the property that the words name. */
export function expect(holds, words) {
  if (!holds) throw new Error(`expected ${words}`);
}

/** Fails unless both are the same text. */
export function same(got, wanted, what = "value") {
  const text = (value) => (typeof value === "bigint" ? value.toString() : String(value));
  if (text(got) !== text(wanted)) throw new Error(`${what}: got ${text(got)}, wanted ${text(wanted)}`);
}

/** The error that a promise ends with; fails if it ends well. */
export async function refusal(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`expected a refusal, got ${JSON.stringify(value, (_, v) => (typeof v === "bigint" ? `${v}` : v))}`);
}

/** Asks again until the answer is truthy; whoever calls is under the check's deadline. */
export async function eventually(ask, pause_ms = 50) {
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((resume) => setTimeout(resume, pause_ms));
  }
}

function withDeadline(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Runs an area's checks. `body` gets `check(what, does)`, which resolves to what `does` returns. */
export async function area(name, body) {
  const count = { passed: 0, failed: 0 };
  const failed = (what, error) => {
    count.failed += 1;
    console.log(`not ok ${name}: ${what}`);
    console.log(
      String(error?.stack ?? error)
        .slice(0, 4_000)
        .replace(/^/gm, "    "),
    );
  };
  const check = async (what, does) => {
    try {
      const value = await withDeadline(does());
      count.passed += 1;
      console.log(`ok ${name}: ${what}`);
      return value;
    } catch (error) {
      failed(what, error);
      return undefined;
    }
  };
  try {
    await body(check);
  } catch (error) {
    failed("the checks after this line", error);
  }
  console.log(`${count.passed} passed, ${count.failed} failed`);
  // Sockets and worker threads of the libraries would keep the process alive.
  process.exit(count.failed === 0 ? 0 : 1);
}
