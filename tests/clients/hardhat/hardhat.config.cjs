// A project as anyone would have it, but for the compiler, which is the npm package solc: nothing is downloaded.
const { createRequire } = require("node:module");
const { join } = require("node:path");
const { subtask } = require("hardhat/config");
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require("hardhat/builtin-tasks/task-names");
require("@nomicfoundation/hardhat-ethers");
require("@nomicfoundation/hardhat-ignition-ethers");

// Not Hardhat's own, older one.
const ours = createRequire(join(__dirname, "package.json"));
const { version } = ours("solc/package.json");

subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async () => ({
  compilerPath: ours.resolve("solc/soljson.js"),
  isSolcJs: true,
  version,
  longVersion: ours("solc").version().replace(".Emscripten.clang", ""),
}));

// The checks keep what is built, and what Ignition remembers of a chain, out of the source tree.
const { WEFT_HARDHAT_WORK: work = __dirname, WEFT_IGNITION: ignition = join(__dirname, "ignition") } = process.env;

module.exports = {
  solidity: { version, settings: { optimizer: { enabled: true, runs: 200 }, evmVersion: "prague" } },
  paths: { cache: join(work, "cache"), artifacts: join(work, "artifacts"), ignition },
  defaultNetwork: "weft",
  networks: {
    // As everyone has it: the accounts are the node's.
    localhost: { url: process.env.WEFT_RPC ?? "http://127.0.0.1:8545" },
    weft: {
      url: process.env.WEFT_RPC ?? "http://127.0.0.1:8545",
      chainId: 31337,
      // The last three of the development accounts.
      accounts: { mnemonic: "test test test test test test test test test test test junk", initialIndex: 7, count: 3 },
    },
  },
  // The chain makes no blocks while nobody sends anything: one confirmation is all that there is.
  ignition: { requiredConfirmations: 1, blockPollingInterval: 50 },
  mocha: { timeout: 30_000, reporter: process.env.WEFT_MOCHA_REPORTER ?? "spec" },
};
