// OpenZeppelin's ERC-20 with burning, permit and votes.
import assert from "node:assert/strict";
import { deploy, done, ethers, events, newcomer, parseEther, passBlock, refused, signTyped } from "../lib/chain.mjs";

describe("ERC20", () => {
  const supply = parseEther("1000");
  let coin, owner, friend, spender;

  before(async () => {
    [owner] = await ethers.getSigners();
    friend = await newcomer();
    spender = await newcomer();
    coin = await deploy("Coin", "Coin", supply);
  });

  it("mints the supply to its maker", async () => {
    assert.equal(await coin.totalSupply(), supply);
    assert.equal(await coin.balanceOf(owner), supply);
    const receipt = await ethers.provider.getTransactionReceipt(coin.deploymentTransaction().hash);
    assert.deepEqual(events(receipt, coin)[0], { name: "Transfer", args: [ethers.ZeroAddress, owner.address, supply] });
  });

  it("transfers, and tells it", async () => {
    const receipt = await done(coin.transfer(friend, 100n));
    assert.deepEqual(events(receipt, coin), [{ name: "Transfer", args: [owner.address, friend.address, 100n] }]);
    assert.equal(await coin.balanceOf(friend), 100n);
  });

  it("refuses to transfer more than there is, or to nobody", async () => {
    const wanted = [friend.address, 100n, 101n];
    await refused(coin.connect(friend).transfer(owner, 101n), coin, "ERC20InsufficientBalance", wanted);
    await refused(coin.transfer(ethers.ZeroAddress, 1n), coin, "ERC20InvalidReceiver", [ethers.ZeroAddress]);
  });

  it("lets a spender have what was approved, and no more", async () => {
    await done(coin.approve(spender, 50n));
    await done(coin.connect(spender).transferFrom(owner, friend, 20n));
    assert.equal(await coin.allowance(owner, spender), 30n);
    const more = coin.connect(spender).transferFrom(owner, friend, 31n);
    await refused(more, coin, "ERC20InsufficientAllowance", [spender.address, 30n, 31n]);
  });

  it("burns", async () => {
    await done(coin.burn(parseEther("1")));
    assert.equal(await coin.totalSupply(), supply - parseEther("1"));
  });

  it("approves by signature, once and in time", async () => {
    const fields = ["address owner", "address spender", "uint256 value", "uint256 nonce", "uint256 deadline"];
    const permit = async (deadline) => {
      const message = { owner: friend.address, spender: spender.address, value: 9n, nonce: 0n, deadline };
      const { v, r, s } = ethers.Signature.from(await signTyped(friend, coin, "Permit", fields, message));
      return [friend.address, spender.address, 9n, deadline, v, r, s];
    };
    await refused(coin.permit(...(await permit(1n))), coin, "ERC2612ExpiredSignature", [1n]);
    const good = await permit(ethers.MaxUint256);
    await done(coin.permit(...good));
    assert.equal(await coin.allowance(friend, spender), 9n);
    assert.equal(await coin.nonces(friend), 1n);
    await refused(coin.permit(...good), coin, "ERC2612InvalidSigner");
  });

  it("counts votes as of a block", async () => {
    await done(coin.delegate(owner));
    const before = await ethers.provider.getBlockNumber();
    const had = await coin.getVotes(owner);
    await done(coin.transfer(friend, 7n));
    await passBlock(before + 2);
    assert.equal(await coin.getPastVotes(owner, before), had);
    assert.equal(await coin.getVotes(owner), had - 7n);
  });

  it("is read as it was at an older block", async () => {
    const before = await ethers.provider.getBlockNumber();
    const had = await coin.balanceOf(friend);
    await done(coin.transfer(friend, 3n));
    assert.equal(await coin.balanceOf(friend, { blockTag: before }), had);
    assert.equal(await coin.balanceOf(friend), had + 3n);
  });
});
