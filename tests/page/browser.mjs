// Chromium, one page at a time, and everything that went wrong in it.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Names under which distributions install it. */
const NAMES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Sizes that people have: a desk's and the narrowest phone's. */
export const SIZES = { desktop: { width: 1280, height: 860 }, phone: { width: 360, height: 740 } };

export async function launch() {
  const executablePath = process.env.WEFT_CHROMIUM ?? NAMES.find(existsSync);
  if (!executablePath) throw new Error("no chromium: apt-get install chromium, or name it in WEFT_CHROMIUM");
  // Containers have no user namespaces for the sandbox; the page is our own.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** A page that notes errors of scripts, of the console, of the network, and of the Content-Security-Policy. */
export async function open(browser, url, { size = "desktop", colorScheme = "light", allow = () => false } = {}) {
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme,
    reducedMotion: "reduce",
    isMobile: size === "phone",
    hasTouch: size === "phone",
  });
  const page = await context.newPage();
  const wrong = [];
  const note = (kind, words, where = "") =>
    allow(`${words} ${where}`) || wrong.push(`${kind}: ${words} ${where}`.trim());
  page.on(
    "console",
    (message) =>
      ["error", "warning"].includes(message.type()) && note(message.type(), message.text(), message.location().url),
  );
  page.on("pageerror", (error) => note("script", error.stack ?? error.message));
  page.on(
    "requestfailed",
    (request) =>
      request.failure()?.errorText !== "net::ERR_ABORTED" &&
      note("request", `${request.failure()?.errorText}`, request.url()),
  );
  page.on(
    "response",
    (response) => response.status() >= 400 && note("response", `${response.status()}`, response.url()),
  );
  await page.goto(url);
  return { page, wrong, close: () => context.close() };
}

/** Goes to a view by its address, as a link would. */
export async function go(page, hash) {
  await page.evaluate((wanted) => (location.hash = wanted), hash);
}

/** Violations of accessibility rules that are serious or worse, in words. */
export async function violations(page) {
  // Evaluated by the debugger, so that no policy needs to allow it.
  if (!(await page.evaluate(() => "axe" in globalThis)))
    await page.evaluate((await import("node:fs")).readFileSync(axe, "utf8"));
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, help, nodes }) =>
        `${id} (${help}): ${nodes
          .slice(0, 3)
          .map(({ target, failureSummary }) => `${target.join(" ")} ${failureSummary.split("\n").slice(1, 2)}`)
          .join("; ")}`,
    );
}
