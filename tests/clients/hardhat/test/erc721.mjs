// OpenZeppelin's ERC-721, enumerable, with a role for who may mint.
import assert from "node:assert/strict";
import { deploy, done, ethers, events, newcomer, refused } from "../lib/chain.mjs";

describe("ERC721", () => {
  let deed, owner, friend, stranger;

  before(async () => {
    [owner] = await ethers.getSigners();
    friend = await newcomer();
    stranger = await newcomer();
    deed = await deploy("Deed", owner.address);
    await done(deed.grantRole(await deed.MINTER(), owner));
  });

  it("says what it is (ERC-165)", async () => {
    const wanted = { "0x80ac58cd": true, "0x780e9d63": true, "0x7965db0b": true, "0xffffffff": false };
    for (const [id, is] of Object.entries(wanted)) assert.equal(await deed.supportsInterface(id), is, id);
  });

  it("mints, once each", async () => {
    for (const number of [1n, 2n, 3n]) {
      const receipt = await done(deed.mint(owner, number));
      const args = [ethers.ZeroAddress, owner.address, number];
      assert.deepEqual(events(receipt, deed), [{ name: "Transfer", args }]);
    }
    await refused(deed.mint(owner, 2n), deed, "ERC721InvalidSender", [ethers.ZeroAddress]);
    assert.equal(await deed.totalSupply(), 3n);
    const numbers = await Promise.all([0, 1, 2].map((place) => deed.tokenOfOwnerByIndex(owner, place)));
    assert.deepEqual(numbers, [1n, 2n, 3n]);
  });

  it("moves what its owner or who is approved moves", async () => {
    const take = () => deed.connect(friend).transferFrom(owner, friend, 1n);
    await refused(take(), deed, "ERC721InsufficientApproval", [friend.address, 1n]);
    await done(deed.approve(friend, 1n));
    await done(take());
    assert.equal(await deed.ownerOf(1n), friend.address);
    assert.equal(await deed.getApproved(1n), ethers.ZeroAddress);
  });

  it("lets an operator move all", async () => {
    await done(deed.setApprovalForAll(friend, true));
    await done(deed.connect(friend).transferFrom(owner, stranger, 2n));
    await done(deed.setApprovalForAll(friend, false));
    const again = deed.connect(friend).transferFrom(owner, stranger, 3n);
    await refused(again, deed, "ERC721InsufficientApproval");
    assert.equal(await deed.balanceOf(stranger), 1n);
  });

  it("is safely given to contracts that take it, and to no others", async () => {
    const give = deed.getFunction("safeTransferFrom(address,address,uint256)");
    const safe = await deploy("Safe");
    await refused(give(owner, deed, 3n), deed, "ERC721InvalidReceiver", [deed.target]);
    await done(give(owner, safe, 3n));
    assert.equal(await deed.ownerOf(3n), safe.target);
  });

  it("has its history in the log", async () => {
    const from = (await ethers.provider.getTransactionReceipt(deed.deploymentTransaction().hash)).blockNumber;
    const moved = await deed.queryFilter(deed.filters.Transfer(owner), from);
    assert.deepEqual(
      moved.map(({ args }) => args.tokenId),
      [1n, 2n, 3n],
    );
  });
});
