// ERC-4337: an account that is no more than a contract, and user operations that a bundler carries.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { deploy, deployBuilt, done, ethers, events, newcomer, parseEther, refused } from "../lib/chain.mjs";

const require = createRequire(import.meta.url);
const build = (name) => require(`@account-abstraction/contracts/artifacts/${name}.json`);
const two = (high, low) => ethers.solidityPacked(["uint128", "uint128"], [high, low]);

describe("ERC-4337", () => {
  let entryPoint, factory, owner, sender, coin;

  /** A signed user operation that makes this call. */
  async function operation({ initCode = "0x", to, data, key = owner }) {
    const account = new ethers.Interface(build("SimpleAccount").abi);
    const wanted = {
      sender,
      nonce: await entryPoint.getNonce(sender, 0n),
      initCode,
      callData: account.encodeFunctionData("execute", [to, 0n, data]),
      accountGasLimits: two(1_000_000n, 200_000n),
      preVerificationGas: 50_000n,
      gasFees: two(10n ** 9n, 10n * 10n ** 9n),
      paymasterAndData: "0x",
      signature: "0x",
    };
    const hash = await entryPoint.getUserOpHash(wanted);
    return { ...wanted, signature: key.signingKey.sign(hash).serialized };
  }

  before(async () => {
    owner = ethers.Wallet.createRandom();
    entryPoint = await deployBuilt(build("EntryPoint"));
    factory = await deployBuilt(build("SimpleAccountFactory"), entryPoint.target);
    sender = await factory.getFunction("getAddress")(owner.address, 7n);
    coin = await deploy("Coin", "Coin", 1_000n);
    await done(coin.transfer(sender, 1_000n));
  });

  it("takes a deposit for an account that is not there yet", async () => {
    await done(entryPoint.depositTo(sender, { value: parseEther("0.5") }));
    assert.equal(await entryPoint.balanceOf(sender), parseEther("0.5"));
    assert.equal(await ethers.provider.getCode(sender), "0x");
  });

  it("makes the account and its first call in one user operation", async () => {
    const [bundler] = await ethers.getSigners();
    const beneficiary = ethers.Wallet.createRandom().address;
    const friend = ethers.Wallet.createRandom().address;
    const create = factory.interface.encodeFunctionData("createAccount", [owner.address, 7n]);
    const one = await operation({
      initCode: ethers.concat([factory.target, create]),
      to: coin.target,
      data: coin.interface.encodeFunctionData("transfer", [friend, 10n]),
    });
    const hash = await entryPoint.getUserOpHash(one);
    const receipt = await done(entryPoint.connect(bundler).handleOps([one], beneficiary));

    assert.equal(await coin.balanceOf(friend), 10n);
    assert.ok((await ethers.provider.getCode(sender)).length > 2, "the account has code");
    assert.equal(await entryPoint.getNonce(sender, 0n), 1n);
    const told = events(receipt, entryPoint);
    assert.deepEqual(told.find(({ name }) => name === "AccountDeployed").args.slice(0, 2), [hash, sender]);
    const [opHash, from, paymaster, nonce, success, cost] = told.at(-1).args;
    assert.deepEqual([opHash, from, paymaster, nonce, success], [hash, sender, ethers.ZeroAddress, 0n, true]);
    // Who carried it was paid from the deposit, to the wei.
    assert.equal(await ethers.provider.getBalance(beneficiary), cost);
    assert.equal(await entryPoint.balanceOf(sender), parseEther("0.5") - cost);
  });

  it("refuses an operation that somebody else signed, or that was carried before", async () => {
    const data = coin.interface.encodeFunctionData("transfer", [sender, 1n]);
    const beneficiary = ethers.Wallet.createRandom();
    const forged = await operation({ to: coin.target, data, key: beneficiary });
    const handle = (one) => entryPoint.handleOps([one], beneficiary.address);
    await refused(handle(forged), entryPoint, "FailedOp", [0n, "AA24 signature error"]);
    const good = await operation({ to: coin.target, data });
    await done(handle(good));
    await refused(handle(good), entryPoint, "FailedOp", [0n, "AA25 invalid account nonce"]);
  });

  it("charges for an operation whose call fails, and changes nothing else", async () => {
    const friend = await newcomer();
    const data = coin.interface.encodeFunctionData("transfer", [friend.address, 10_000n]);
    const had = await coin.balanceOf(sender);
    const deposit = await entryPoint.balanceOf(sender);
    const receipt = await done(entryPoint.handleOps([await operation({ to: coin.target, data })], friend.address));
    const told = events(receipt, entryPoint);
    assert.ok(
      told.some(({ name }) => name === "UserOperationRevertReason"),
      "the reason is told",
    );
    const [success, cost] = told.at(-1).args.slice(4, 6);
    assert.equal(success, false);
    assert.equal(await coin.balanceOf(sender), had);
    assert.equal(await entryPoint.balanceOf(sender), deposit - cost);
  });
});
