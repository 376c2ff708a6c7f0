// The page of a running `weft dev` in Chromium: every view with live data, compared with what the JSON-RPC itself
// answers; in both themes and widths; by keyboard; under load. One line a check.
//
//   node check.mjs ENDPOINTS.json SHOTS_FOLDER
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SIZES, go, launch, open, violations } from "./browser.mjs";
import { background, calm, traffic, trickle } from "./traffic.mjs";

const [, , endpointsFile, shots] = process.argv;
const endpoints = JSON.parse(readFileSync(endpointsFile, "utf8"));
const rpcUrl = `http://${endpoints.rpc}`;
const url = `http://${endpoints.sequencer.http}/`;
mkdirSync(shots, { recursive: true });

/** Longest wait for something that a view must show, milliseconds. */
const PATIENCE_MS = 20_000;
/** Longest that making the first traffic may take, milliseconds. */
const TRAFFIC_MS = 90_000;
/** Load: how long, and pause between two payments: each makes its block, above 5,000 a minute. */
const LOAD_MS = 6_000;
const LOAD_PAUSE_MS = 7;
const UPDATES_A_MINUTE = 5_000;
/** A gap between two frames that nobody would call smooth; machines of tests are shared, so only a freeze fails. */
const FREEZE_MS = 2_000;

const results = { passed: 0, failed: 0 };

async function check(what, does) {
  try {
    await does();
    results.passed += 1;
    console.log(`ok page: ${what}`);
  } catch (error) {
    results.failed += 1;
    console.log(
      `not ok page: ${what}\n${String(error.stack ?? error)
        .slice(0, 3_000)
        .replace(/^/gm, "    ")}`,
    );
  }
}

function expect(holds, words) {
  if (!holds) throw new Error(`expected ${words}`);
}

async function ask(method, ...params) {
  const answer = await fetch(rpcUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  return (await answer.json()).result;
}

const json = async (service, path) => (await fetch(`http://${endpoints[service].http}${path}`)).json();

/** Waits until the main part of the page has all these words. */
async function shows(page, ...words) {
  for (const word of words) {
    await page
      .waitForFunction((wanted) => document.querySelector("main").textContent.includes(wanted), word, {
        timeout: PATIENCE_MS,
      })
      .catch(async () => {
        throw new Error(`"${word}" is not shown, but: ${(await page.textContent("main")).slice(0, 1_500)}`);
      });
  }
}

const int = (value) => Number(value).toLocaleString("en-US");

/** Views, with words that each must show. */
async function views(facts) {
  const block = Number((await ask("eth_getTransactionReceipt", facts.fungible)).blockNumber);
  const header = await ask("eth_getBlockByNumber", `0x${block.toString(16)}`, false);
  const finalized = await until(async () => {
    const status = await ask("weft_transactionStatus", facts.unique);
    return status.stage === "finalized" && status;
  });
  const batch = Number(finalized.batchIndex);
  const record = await json("settlement", `/commitments/${batch}`);
  const accepted = new Date(Number(finalized.acceptedMs)).toISOString();
  const da = await sampled(facts.large);
  const busy = await busiest();
  return {
    overview: ["", "Throughput", "finalized", "tx/s"],
    blocks: ["blocks", "finalized", "gwei"],
    block: [
      `block/${block}`,
      header.hash,
      header.stateRoot,
      facts.fungible.slice(0, 8),
      `${int(header.gasUsed)} of ${int(header.gasLimit)}`,
    ],
    transactions: ["txs", "payment", "success"],
    payment: [`tx/${facts.payment}`, "1.25 ETH", "success"],
    erc20: [
      `tx/${facts.fungible}`,
      "Transfer",
      "ERC-20",
      "12.5 CHK",
      record.commitment && "Commitment",
      "the commitment names this block's data root",
      header.stateRoot,
    ],
    erc721: [
      `tx/${facts.unique}`,
      // Its seconds, which are the same everywhere.
      accepted.slice(16, 23),
      "ERC-721",
      "tokenId",
      "PIC",
      record.commitment,
      record.signature,
      "extended to",
      "the node and settlement have the same commitment",
      "Final",
    ],
    reverted: [`tx/${facts.reverted}`, "reverted"],
    accounts: ["accounts", "CHK", "ERC-20"],
    account: [`address/${facts.bob}`, facts.bob, "ETH", "12.5 CHK"],
    contract: [`address/${facts.token}`, "Check", "CHK", "1,000,000", "Transfer"],
    execution: ["execution", "Speed-up", "thread 1", " executed", facts.counter.slice(0, 8)],
    "execution-of-block": [`execution/${busy.number}`, int(busy.stats.transactions), "Lanes"],
    da: ["da", "original rows", "Sure of all of them", "available"],
    "da-block": [
      `da/${da.height}/0`,
      da.data_root,
      `any ${int(da.originals)} of the ${int(da.rows)} rows`,
      `sampled (${da.samples})`,
      "99.999",
      "this chain's batches",
    ],
    settlement: ["settlement", "re-executed: every claim holds", "verified", "final"],
    batch: [`batch/${batch}`, record.commitment, record.post_state_root, "is that of the DA block"],
    services: ["services", "ready", "DA node", "Settlement", "Light client"],
  };
}

async function until(found) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await found();
    if (answer) return answer;
    if (Date.now() > end) throw new Error("it did not happen");
    await new Promise((resume) => setTimeout(resume, 100));
  }
}

/** The DA block of a transaction, once the light client has judged it; it must have sampled, not downloaded all. */
async function sampled(hash) {
  const { batchIndex } = await until(async () => {
    const status = await ask("weft_transactionStatus", hash);
    return status.stage === "finalized" && status;
  });
  const { da_height: height } = await json("settlement", `/commitments/${Number(batchIndex)}`);
  const seen = await until(async () => {
    const block = await json("light", `/blocks/${height}`);
    return block.judgement && block;
  });
  expect(seen.sampled_rows?.length === seen.judgement.samples, "sampled rows that are told");
  return { ...(await json("da", `/blocks/${height}`)), samples: seen.judgement.samples };
}

/** The block with most executions that were done again; else the one with most transactions. */
async function busiest() {
  const latest = Number(await ask("eth_blockNumber"));
  let best;
  for (let number = Math.max(1, latest - 120); number <= latest; number += 1) {
    const stats = await ask("weft_blockStats", `0x${number.toString(16)}`);
    if (stats && (!best || weight(stats) > weight(best.stats))) best = { number, stats };
  }
  return best;
}
const weight = (stats) => Number(stats.reExecuted) * 1_000 + Number(stats.transactions);

async function everyView(browser, facts) {
  const wanted = await views(facts);
  for (const size of Object.keys(SIZES)) {
    for (const colorScheme of ["light", "dark"]) {
      const { page, wrong, close } = await open(browser, url, { size, colorScheme });
      for (const [name, [hash, ...words]] of Object.entries(wanted)) {
        await check(`${name}, ${size}, ${colorScheme}`, async () => {
          await go(page, `#/${hash}`);
          await shows(page, ...words.filter(Boolean));
          // The first drawing of a live view, and the curve that rises.
          await page.waitForTimeout(200);
          const over = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          expect(over <= 0, `nothing to scroll sideways, it is ${over} px too wide`);
          await page.screenshot({ path: join(shots, `${name}-${size}-${colorScheme}.png`), fullPage: true });
          // Rules that a theme can break, and those that a width can, each once.
          const found = (size === "desktop") === (colorScheme === "light") ? await violations(page) : [];
          expect(found.length === 0, `no serious accessibility violation: ${found.join("\n")}`);
          expect((await page.title()).endsWith("· Weft"), "a title");
        });
      }
      await check(`no errors in console, network or policy, ${size}, ${colorScheme}`, async () =>
        expect(wrong.length === 0, `none, got ${wrong.join("\n")}`),
      );
      await close();
    }
  }
}

/** What the views show is what the node says, at that moment. */
async function figures(browser, facts) {
  const { page, close } = await open(browser, url);
  await check("the newest block is the node's", async () => {
    await until(async () => {
      const before = Number(await ask("eth_blockNumber"));
      const shown = Number((await page.textContent(".station.executed .value")).replace(/\D/g, ""));
      const after = Number(await ask("eth_blockNumber"));
      return shown >= before && shown <= after;
    });
  });
  await check("transactions of a block are counted as the node counts them", async () => {
    await go(page, "#/blocks");
    await page.waitForFunction(() => document.querySelectorAll("main tbody tr").length > 5);
    const rows = await until(async () => {
      const found = await page.$$eval("main tbody tr", (all) =>
        all.map((row) => [row.cells[0].textContent, row.cells[2].textContent, row.cells[3].textContent]),
      );
      return found.slice(3).every(([, count]) => count !== "…") && found.slice(3);
    });
    for (const [number, count, gas] of rows.slice(0, 8)) {
      const block = await ask("eth_getBlockByNumber", `0x${Number(number.replace(/\D/g, "")).toString(16)}`, false);
      expect(
        count === int(block.transactions.length) && gas === int(block.gasUsed),
        `${int(block.transactions.length)} and ${int(block.gasUsed)} in block ${number}, not ${count} and ${gas}`,
      );
    }
  });
  await check("balances are exact", async () => {
    await go(page, `#/address/${facts.bob}`);
    const wei = BigInt(await ask("eth_getBalance", facts.bob, "latest"));
    const rest = (wei % 10n ** 18n).toString().padStart(18, "0").replace(/0+$/, "");
    await shows(page, `${(wei / 10n ** 18n).toLocaleString("en-US")}${rest && `.${rest}`} ETH`);
  });
  await check("an account's transactions are shown whatever their age, page by page", async () => {
    const last = Number((await ask("eth_getTransactionReceipt", facts.early.at(-1))).blockNumber);
    await until(async () => Number(await ask("eth_blockNumber")) > last + 50);
    await go(page, `#/address/${facts.hermit}`);
    const links = page.locator('main td a[href^="#/tx/"]');
    const shown = async (count) => {
      await until(async () => (await links.count()) === count);
      return links.evaluateAll((all) => all.map(({ title }) => title));
    };
    const newest = await shown(25);
    await page.click("main nav.pages >> text=Older");
    const older = await shown(facts.early.length - 25);
    const wanted = [...facts.early].reverse();
    const place = async (hash) => {
      const { blockNumber, transactionIndex } = await ask("eth_getTransactionReceipt", hash);
      return Number(blockNumber) * 100_000 + Number(transactionIndex);
    };
    const places = await Promise.all([...newest, ...older].map(place));
    expect(new Set([...newest, ...older, ...wanted]).size === wanted.length, "each of them once");
    expect(places.every((each, at) => at === 0 || places[at - 1] > each), "the newest first");
    expect((await page.locator("main nav.pages >> text=Older").count()) === 0, "nothing older");
    await page.click("main nav.pages >> text=Newest");
    expect((await shown(25)).join() === newest.join(), "the first page again");
  });
  await check("names from contracts are text, and cannot turn what is around them", async () => {
    await go(page, `#/address/${facts.picture}`);
    await shows(page, "<b>Pictures</b>");
    expect(
      (await page.$("main b")) === null && !(await page.textContent("main")).includes("\u202e"),
      "no element and no mark of direction",
    );
  });
  await close();
}

async function finding(browser, facts) {
  const { page, wrong, close } = await open(browser, url, { allow: (words) => words.includes("404") });
  await page.waitForFunction(() => globalThis.weft?.live.commitments && globalThis.weft.live.info);
  const {
    commitment,
    payload_hash: blob,
    last_block_hash: hash,
    last_block: number,
    da_height: height,
  } = await json("settlement", "/commitments/0");
  const wanted = {
    "a block by number": [int(number), `#/block/${number}`],
    "a block by hash": [hash, `#/block/${number}`],
    "a transaction": [facts.payment.slice(2).toUpperCase(), `#/tx/${facts.payment}`],
    "an address": [facts.token, `#/address/${facts.token}`],
    "a batch": ["batch 0", "#/batch/0"],
    "a blob": [blob, `#/da/${height}/0`],
    "a commitment": [commitment, "#/batch/0"],
  };
  for (const [what, [query, hash]] of Object.entries(wanted)) {
    await check(`search finds ${what}, by keyboard`, async () => {
      await page.locator("main").focus();
      await page.keyboard.press("/");
      await page.keyboard.type(query);
      await page.keyboard.press("Enter");
      await page.waitForFunction(
        (wanted) => location.hash === wanted && !document.getElementById("query").value,
        hash,
        {
          timeout: PATIENCE_MS,
        },
      );
    });
  }
  await check("search says what it does not find", async () => {
    for (const [query, words] of [
      [`0x${"ab".repeat(32)}`, "nothing has this hash"],
      ["what?", "a number, a hash"],
      ["999999999", "the newest block is"],
    ]) {
      await page.fill("#query", query);
      await page.press("#query", "Enter");
      await page.waitForFunction((wanted) => document.getElementById("found").textContent.includes(wanted), words, {
        timeout: PATIENCE_MS,
      });
    }
    expect(wrong.length === 0, `no other error, got ${wrong}`);
  });
  await close();
}

async function keyboard(browser) {
  const { page, wrong, close } = await open(browser, url);
  await page.waitForSelector(".station");
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
  await check("the first Tab skips to the content", async () => {
    await page.keyboard.press("Tab");
    expect((await focused()) === "Skip to the content", `the skip link, not ${await focused()}`);
    expect(await page.evaluate(() => document.activeElement.getBoundingClientRect().top >= 0), "that it is seen");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement.id === "main"), "the focus in the content");
  });
  await check("every view is reached by Tab and Enter, and the back button goes back", async () => {
    for (const name of ["Blocks", "Transactions", "Accounts", "Execution", "Data", "Settlement", "Services"]) {
      await page.evaluate(() => document.getElementById("skip").focus());
      for (let tabs = 0; (await focused()) !== name; tabs += 1) {
        expect(tabs < 30, `${name} within 30 tabs`);
        await page.keyboard.press("Tab");
      }
      await page.keyboard.press("Enter");
      await page.waitForFunction(
        (wanted) => document.querySelector(".views [aria-current]")?.textContent === wanted,
        name,
      );
      expect(await page.evaluate(() => document.activeElement.id === "main"), "the focus in the view");
    }
    await page.goBack();
    await page.waitForFunction(() => document.title === "Settlement · Weft");
    await page.goForward();
    await page.waitForFunction(() => document.title === "Services · Weft");
  });
  await check("a row that has the focus keeps it while others come", async () => {
    await go(page, "#/blocks");
    await page.waitForSelector("main tbody tr a");
    const before = await page.evaluate(() => {
      const link = document.querySelector("main tbody tr a");
      link.focus();
      return [link.textContent, globalThis.weft.live.newest];
    });
    await page.waitForFunction((newest) => globalThis.weft.live.newest > newest + 3, before[1], {
      timeout: PATIENCE_MS,
    });
    await page.waitForTimeout(400);
    expect((await focused()) === before[0], `the focus on ${before[0]}, not on ${await focused()}`);
  });
  await check("rows of the matrix are told one by one", async () => {
    await go(page, "#/da");
    const canvas = page.locator("canvas.matrix").first();
    await canvas.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("End");
    const [text, max, now] = await Promise.all(
      ["aria-valuetext", "aria-valuemax", "aria-valuenow"].map((name) => canvas.getAttribute(name)),
    );
    expect(/^row [\d,]+: added by the code, held by this node/.test(text) && max === now, `the last row, not ${text}`);
  });
  await check("pausing stops what moves", async () => {
    await go(page, "#/");
    await page.waitForSelector(".station");
    await page.click("#pause");
    await page.waitForTimeout(300);
    const before = await page.textContent(".station.executed .value");
    await page.waitForTimeout(1_200);
    expect((await page.textContent(".station.executed .value")) === before, "that nothing changes");
    await page.click("#pause");
    await page.waitForFunction(
      (old) => document.querySelector(".station.executed .value").textContent !== old,
      before,
      { timeout: PATIENCE_MS },
    );
    expect(wrong.length === 0, `no error, got ${wrong}`);
  });
  await close();
}

/** Services that do not answer are missing alone. The browser cannot reach the light client's port here. */
async function without(browser) {
  const { page, close } = await open(browser, "about:blank", { allow: () => true });
  await page.route(`http://${endpoints.light.http}/**`, (route) => route.abort("connectionrefused"));
  await page.goto(url);
  await check("without the light client the rest is shown, and what is missing is named", async () => {
    await shows(page, "the light client does not answer", "finalized");
    await go(page, "#/da");
    await shows(page, "original rows", "does not answer");
    await go(page, "#/services");
    await shows(page, "not reachable", "ready");
  });
  await close();
}

async function otherServices(browser) {
  for (const role of ["da", "settlement", "light"]) {
    await check(`the page of ${role} shows the same chain`, async () => {
      const { page, wrong, close } = await open(browser, `http://${endpoints[role].http}/`);
      await shows(page, "finalized", "tx/s");
      await page.waitForFunction(() => globalThis.weft.live.newest > 0, null, { timeout: PATIENCE_MS });
      expect(wrong.length === 0, `no error, got ${wrong}`);
      await close();
    });
  }
}

async function load(browser) {
  const { page, wrong, close } = await open(browser, url);
  await page.waitForFunction(() => globalThis.weft?.live.newest > 0);
  await check(`${int(UPDATES_A_MINUTE)} updates a minute without freezing`, async () => {
    const stop = new AbortController();
    const sent = trickle(rpcUrl, LOAD_PAUSE_MS, stop.signal, 3);
    await page.waitForTimeout(500);
    const measured = await page.evaluate(async (ms) => {
      const [begun, before] = [performance.now(), globalThis.weft.live.updates];
      let [frames, longest, last] = [0, 0, begun];
      while (performance.now() < begun + ms) {
        await new Promise((resume) => requestAnimationFrame(resume));
        const now = performance.now();
        longest = Math.max(longest, now - last);
        [frames, last] = [frames + 1, now];
      }
      const took = performance.now() - begun;
      return {
        frames: (frames / took) * 1_000,
        longest,
        updates: ((globalThis.weft.live.updates - before) / took) * 60_000,
      };
    }, LOAD_MS);
    stop.abort();
    await sent;
    console.log(
      `    ${int(Math.round(measured.updates))} updates a minute, ${measured.frames.toFixed(0)} frames a second, longest gap ${measured.longest.toFixed(0)} ms`,
    );
    expect(measured.updates > 0, "updates");
    expect(measured.longest < FREEZE_MS, `no gap of ${FREEZE_MS} ms between frames`);
    await page.screenshot({ path: join(shots, "overview-load.png"), fullPage: true });
    expect(wrong.length === 0, `no error, got ${wrong}`);
  });
  await close();
}

const end = new AbortController();
const paying = calm(rpcUrl, end.signal);
const made = await Promise.race([
  traffic(rpcUrl),
  new Promise((_, reject) => setTimeout(() => reject(new Error("the traffic has no end")), TRAFFIC_MS).unref()),
]);
const { facts } = made;
const browser = await launch();
const going = background(made, end.signal);
try {
  await everyView(browser, facts);
  await figures(browser, facts);
  await finding(browser, facts);
  await keyboard(browser);
  await without(browser);
  await otherServices(browser);
  end.abort();
  await Promise.all([going, paying]);
  await load(browser);
} catch (error) {
  await check("the checks after this line", () => Promise.reject(error));
} finally {
  end.abort();
  await browser.close();
}
console.log(`${results.passed} passed, ${results.failed} failed`);
process.exit(results.failed === 0 && results.passed > 0 ? 0 : 1);
