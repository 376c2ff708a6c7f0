// Uniswap V2 as its makers compiled it: the pair's code is that of Ethereum's main network.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { deploy, deployBuilt, done, ethers, newcomer, parseEther, refused } from "../lib/chain.mjs";

const require = createRequire(import.meta.url);
const build = (name) => {
  const { abi, evm } = require(`@uniswap/${name}`);
  return { abi, bytecode: `0x${evm.bytecode.object}` };
};
/** By it the router computes where a pair is. */
const PAIR_CODE_HASH = "0x96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f";
const IN_TIME = 2n ** 40n;

/** What a pair gives for an amount: 0.3 % stay with it. */
function given(amount, reserveIn, reserveOut) {
  const paid = amount * 997n;
  return (paid * reserveOut) / (reserveIn * 1_000n + paid);
}

describe("Uniswap V2", () => {
  const pairBuild = build("v2-core/build/UniswapV2Pair.json");
  let owner, weth, factory, router, coins, pair;

  /** The pair's reserves of the first and the second coin of `coins`. */
  async function reserves() {
    const [zero, one] = await pair.getReserves();
    return (await pair.token0()) === coins[0].target ? [zero, one] : [one, zero];
  }

  before(async () => {
    [owner] = await ethers.getSigners();
    weth = await deployBuilt(build("v2-periphery/build/WETH9.json"));
    factory = await deployBuilt(build("v2-core/build/UniswapV2Factory.json"), owner.address);
    router = await deployBuilt(build("v2-periphery/build/UniswapV2Router02.json"), factory.target, weth.target);
    coins = [await deploy("Coin", "Red", parseEther("1000000")), await deploy("Coin", "Blue", parseEther("1000000"))];
    for (const coin of coins) await done(coin.approve(router, ethers.MaxUint256));
  });

  it("makes a pair where everybody can compute it", async () => {
    assert.equal(ethers.keccak256(pairBuild.bytecode), PAIR_CODE_HASH);
    await done(factory.createPair(coins[0], coins[1]));
    const tokens = coins.map(({ target }) => target).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
    const salt = ethers.solidityPackedKeccak256(["address", "address"], tokens);
    const address = ethers.getCreate2Address(factory.target, salt, PAIR_CODE_HASH);
    assert.equal(await factory.getPair(coins[1], coins[0]), address);
    pair = await ethers.getContractAt(pairBuild.abi, address);
    await refused(factory.createPair(coins[1], coins[0]), pair, "UniswapV2: PAIR_EXISTS");
  });

  it("takes liquidity for shares", async () => {
    const [red, blue] = [parseEther("1000"), parseEther("4000")];
    await done(router.addLiquidity(coins[0], coins[1], red, blue, 0n, 0n, owner, IN_TIME));
    assert.deepEqual(await reserves(), [red, blue]);
    assert.equal(await pair.totalSupply(), parseEther("2000"));
    assert.equal(await pair.balanceOf(owner), parseEther("2000") - 1_000n);
  });

  it("swaps at the price of its reserves, and the trace shows it", async () => {
    const [red, blue] = await reserves();
    const amount = parseEther("10");
    const wanted = given(amount, red, blue);
    const path = coins.map(({ target }) => target);
    assert.deepEqual((await router.getAmountsOut(amount, path)).toArray(), [amount, wanted]);
    const had = await coins[1].balanceOf(owner);
    const receipt = await done(router.swapExactTokensForTokens(amount, wanted, path, owner, IN_TIME));
    assert.equal(await coins[1].balanceOf(owner), had + wanted);
    assert.deepEqual(await reserves(), [red + amount, blue - wanted]);

    const options = { tracer: "callTracer", tracerConfig: { withLog: true } };
    const trace = await ethers.provider.send("debug_traceTransaction", [receipt.hash, options]);
    assert.equal(BigInt(trace.gasUsed), receipt.gasUsed);
    const calls = trace.calls.map(({ type, to }) => [type, ethers.getAddress(to)]);
    assert.deepEqual(calls, [
      ["STATICCALL", pair.target],
      ["CALL", coins[0].target],
      ["CALL", pair.target],
    ]);
    const logs = (call) => [...(call.logs ?? []), ...(call.calls ?? []).flatMap(logs)];
    const bySlot = ({ topics, data, address }) => `${address.toLowerCase()} ${topics} ${data}`;
    assert.deepEqual(logs(trace).map(bySlot).sort(), receipt.logs.map(bySlot).sort());
  });

  it("refuses a worse price than wanted, and a swap that is not paid", async () => {
    const path = coins.map(({ target }) => target);
    const [best] = (await router.getAmountsOut(1_000n, path)).slice(1);
    const swap = router.swapExactTokensForTokens(1_000n, best + 1n, path, owner, IN_TIME);
    await refused(swap, router, "UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT");
    await refused(router.swapExactTokensForTokens(1_000n, 0n, path, owner, 1n), router, "UniswapV2Router: EXPIRED");
    await refused(pair.swap(1n, 0n, owner, "0x"), pair, "UniswapV2: INSUFFICIENT_INPUT_AMOUNT");
    await done(coins[0].transfer(pair, 1n));
    await done(coins[1].transfer(pair, 1n));
    await refused(pair.swap(parseEther("1"), 0n, owner, "0x"), pair, "UniswapV2: K");
    await done(pair.skim(owner));
  });

  it("swaps ether, through two pairs", async () => {
    const [red, ether] = [parseEther("100"), parseEther("5")];
    await done(router.addLiquidityETH(coins[0], red, 0n, 0n, owner, IN_TIME, { value: ether }));
    const path = [weth.target, coins[0].target, coins[1].target];
    const [redNow, blueNow] = await reserves();
    const value = parseEther("0.1");
    const wanted = given(given(value, ether, red), redNow, blueNow);
    const to = ethers.Wallet.createRandom().address;
    await done(router.swapExactETHForTokens(wanted, path, to, IN_TIME, { value }));
    assert.equal(await coins[1].balanceOf(to), wanted);
  });

  it("gives the liquidity back", async () => {
    const [red, blue] = await reserves();
    const [supply, share] = [await pair.totalSupply(), parseEther("500")];
    const had = await coins[0].balanceOf(owner);
    await done(pair.approve(router, share));
    await done(router.removeLiquidity(coins[0], coins[1], share, 0n, 0n, owner, IN_TIME));
    const got = [(share * red) / supply, (share * blue) / supply];
    assert.deepEqual(await reserves(), [red - got[0], blue - got[1]]);
    assert.equal(await coins[0].balanceOf(owner), had + got[0]);
  });

  it("keeps k through 200 swaps that come at once, each as if it were alone", async () => {
    const [traders, each] = [8, 25];
    const wallets = Array.from({ length: traders }, () => ethers.Wallet.createRandom());
    for (const { address } of wallets) {
      await done(owner.sendTransaction({ to: address, value: parseEther("1") }));
      for (const coin of coins) await done(coin.transfer(address, parseEther("1000")));
    }
    const chain = { chainId: 31337n, maxFeePerGas: 20n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n, type: 2 };
    const send = async (wallet, fields) =>
      ethers.provider.broadcastTransaction(await wallet.signTransaction({ ...chain, ...fields }));
    const sent = [];
    for (const wallet of wallets) {
      for (const [nonce, coin] of coins.entries()) {
        const { data, to } = await coin.approve.populateTransaction(router, ethers.MaxUint256);
        sent.push(await send(wallet, { nonce, to, data, gasLimit: 60_000n }));
      }
    }
    for (const each of sent) await done(each);

    let [zero, one] = await pair.getReserves();
    const signed = [];
    for (let turn = 0; turn < each; turn += 1) {
      for (const [place, wallet] of wallets.entries()) {
        const path = coins.map(({ target }) => target);
        if ((turn + place) % 2) path.reverse();
        const amount = parseEther("1") + BigInt(turn * traders + place);
        const parameters = [amount, 0n, path, wallet.address, IN_TIME];
        const { data, to } = await router.swapExactTokensForTokens.populateTransaction(...parameters);
        signed.push(await wallet.signTransaction({ ...chain, nonce: 2 + turn, to, data, gasLimit: 250_000n }));
      }
    }
    const hashes = await Promise.all(
      signed.map((bytes) => ethers.provider.send("eth_sendRawTransaction", [bytes])),
    );
    const receipts = [];
    for (const hash of hashes) receipts.push(await done({ hash }));
    receipts.sort((a, b) => a.blockNumber - b.blockNumber || a.index - b.index);

    // Uniswap's own arithmetic, one swap after the other in the order of the chain.
    let k = zero * one;
    for (const receipt of receipts) {
      const logs = receipt.logs.filter(({ address }) => address === pair.target);
      const told = logs.map((log) => pair.interface.parseLog(log));
      const [sync, swap] = ["Sync", "Swap"].map((wanted) => told.find(({ name }) => name === wanted).args);
      const paid = swap.amount0In || swap.amount1In;
      const out = swap.amount0In ? given(paid, zero, one) : given(paid, one, zero);
      assert.equal(swap.amount0Out || swap.amount1Out, out, "what the swap gave");
      [zero, one] = swap.amount0In ? [zero + paid, one - out] : [zero - out, one + paid];
      assert.deepEqual(sync.toArray(), [zero, one], "reserves after the swap");
      assert.ok(zero * one >= k, "k");
      k = zero * one;
    }
    assert.deepEqual((await pair.getReserves()).toArray().slice(0, 2), [zero, one]);
    const token0 = await pair.token0();
    const first = coins.find(({ target }) => target === token0);
    assert.equal(await first.balanceOf(pair), zero);
  });
});
