// The services: where they are, and their JSON. One that does not answer is missing alone.

/** Longest wait for an answer, milliseconds. */
const PATIENCE_MS = 5_000;

/** Role -> {url, ok, error}: what is known of each service. */
export const services = {};

/** What `/services` said about the one that serves this page; and the chain, once the node has told it. */
export const self = { name: "", role: "sequencer", version: "", chain: undefined };

const ROLES = {
  sequencer: "sequencer",
  node: "node",
  "DA node": "da",
  settlement: "settlement",
  "light client": "light",
};

/** The words for people. */
export const NAMES = {
  sequencer: "Sequencer",
  rpc: "JSON-RPC",
  da: "DA node",
  settlement: "Settlement",
  light: "Light client",
  node: "Follower",
};

/** A service told to be at a loopback or unspecified address is beside the host that this page came from. */
function reachable(url) {
  const there = new URL(url);
  if (/^(127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1?\]|localhost)$/.test(there.hostname)) there.hostname = location.hostname;
  return there.origin;
}

/** The answer was a refusal, or there was none. */
export class SourceError extends Error {
  constructor(message, reason, status) {
    super(message);
    Object.assign(this, { reason, status });
  }
}

/** Asks where the services are. */
export async function discover() {
  const told = await json(location.origin, "/services");
  Object.assign(self, { name: told.self, role: ROLES[told.self] ?? "sequencer", version: told.version });
  for (const [role, url] of Object.entries(told.services))
    services[role] = { role, url: reachable(url), ok: undefined, error: "" };
  // Its own address is known better than from any table.
  services[self.role] = { role: self.role, url: location.origin, ok: true, error: "" };
}

async function json(origin, path) {
  let answer;
  try {
    answer = await fetch(origin + path, { signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    throw new SourceError(
      error.name === "TimeoutError" ? `no answer within ${PATIENCE_MS / 1000} s` : "not reachable",
      "UNREACHABLE",
      0,
    );
  }
  if (answer.headers.get("content-type")?.startsWith("text/plain"))
    return { status: answer.status, text: await answer.text() };
  let value;
  try {
    value = await answer.json();
  } catch {
    throw new SourceError(`answered ${answer.status}`, "MALFORMED", answer.status);
  }
  if (!answer.ok && value.error) throw new SourceError(value.error, value.reason, answer.status);
  return value;
}

/** A settlement service may have several chains: what is asked of one names it. */
function ofChain(role, path) {
  if (role !== "settlement" || self.chain === undefined || !/^\/(log|commitments)/.test(path)) return path;
  return `${path}${path.includes("?") ? "&" : "?"}chain=${self.chain}`;
}

/** JSON of a service; notes whether it answers. `null` for what it says it does not have. */
export async function ask(role, path) {
  const service = services[role];
  if (!service) throw new SourceError(`${role} is unknown`, "UNREACHABLE", 0);
  try {
    const value = await json(service.url, ofChain(role, path));
    Object.assign(service, { ok: true, error: "" });
    return value;
  } catch (error) {
    const answered = error.status > 0;
    Object.assign(service, { ok: answered, error: answered ? "" : error.message });
    if (error.status === 404) return null;
    throw error;
  }
}

/** As [`ask`], but `undefined` where the service does not answer: for views that go on without. */
export async function tryAsk(role, path) {
  try {
    return await ask(role, path);
  } catch {
    return undefined;
  }
}

/** The canonical commitment of a batch, `undefined` while there is none (or nobody who tells). */
export async function commitmentOf(index) {
  // Asked as a list: that something is not there yet is no error.
  const page = await tryAsk("settlement", `/commitments?last=1&before=${index + 1}`);
  return page?.commitments.find(({ batch }) => batch === index);
}
