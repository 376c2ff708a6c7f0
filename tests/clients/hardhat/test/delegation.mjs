// EIP-7702: an ordinary account borrows the code of ERC-4337's Simple7702Account.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { deploy, deployBuilt, done, ethers, newcomer } from "../lib/chain.mjs";

const require = createRequire(import.meta.url);
const build = require("@account-abstraction/contracts/artifacts/Simple7702Account.json");

describe("EIP-7702", () => {
  let code, owner, coin;

  before(async () => {
    code = await deployBuilt(build);
    owner = await newcomer();
    coin = await deploy("Coin", "Coin", 1_000n);
    await done(coin.transfer(owner, 1_000n));
  });

  it("delegates, and makes two calls in the same transaction", async () => {
    const friends = [ethers.Wallet.createRandom().address, ethers.Wallet.createRandom().address];
    const transfer = (to) => ({
      target: coin.target,
      value: 0n,
      data: coin.interface.encodeFunctionData("transfer", [to, 40n]),
    });
    const nonce = await owner.getNonce();
    const authorization = await owner.authorize({ address: code.target, nonce: nonce + 1 });
    const receipt = await done(
      owner.sendTransaction({
        type: 4,
        to: owner.address,
        data: code.interface.encodeFunctionData("executeBatch", [friends.map(transfer)]),
        authorizationList: [authorization],
        gasLimit: 300_000n,
      }),
    );
    assert.equal(receipt.type, 4);
    for (const friend of friends) assert.equal(await coin.balanceOf(friend), 40n);
    assert.equal(await ethers.provider.getCode(owner.address), `0xef0100${code.target.slice(2).toLowerCase()}`);
    assert.equal(await owner.getNonce(), nonce + 2);
  });

  it("signs as a contract does (ERC-1271)", async () => {
    const account = await ethers.getContractAt(build.abi, owner.address);
    const hash = ethers.id("weft");
    const signature = owner.signingKey.sign(hash).serialized;
    assert.equal(await account.isValidSignature(hash, signature), "0x1626ba7e");
    assert.equal(await account.isValidSignature(ethers.id("woof"), signature), "0xffffffff");
  });

  it("refuses calls of strangers, and takes ether and tokens as before", async () => {
    const account = await ethers.getContractAt(build.abi, owner.address);
    await assert.rejects(account.execute(coin.target, 0n, "0x"), /not from self or EntryPoint|revert/);
    const [rich] = await ethers.getSigners();
    const had = await ethers.provider.getBalance(owner.address);
    await done(rich.sendTransaction({ to: owner.address, value: 5n }));
    assert.equal(await ethers.provider.getBalance(owner.address), had + 5n);
  });

  it("takes the delegation back, in a transaction that somebody else pays", async () => {
    const sponsor = await newcomer();
    const authorization = await owner.authorize({ address: ethers.ZeroAddress, nonce: await owner.getNonce() });
    await done(
      sponsor.sendTransaction({ type: 4, to: owner.address, authorizationList: [authorization], gasLimit: 100_000n }),
    );
    assert.equal(await ethers.provider.getCode(owner.address), "0x");
  });
});
