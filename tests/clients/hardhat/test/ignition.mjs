// Hardhat Ignition deploys a module: transactions that depend on each other. (Its command: ../../hardhat.mjs.)
import assert from "node:assert/strict";
import Treasury from "../ignition/modules/Treasury.cjs";
import { ethers, ignition, refused } from "../lib/chain.mjs";

// In tests it does not read Hardhat's configuration.
const config = { requiredConfirmations: 1, blockPollingInterval: 50 };
const deploy = () => ignition.deploy(Treasury, { config, parameters: { Treasury: { limit: 12n } } });

describe("Ignition", () => {
  it("deploys a contract, sets it up and hands a role on", async () => {
    const { treasury } = await deploy();
    const [maker, other, stranger] = await ethers.getSigners();
    assert.equal(await treasury.limit(), 12n);
    const role = await treasury.TREASURER();
    for (const [account, has] of [[maker, true], [other, true], [stranger, false]]) {
      assert.equal(await treasury.hasRole(role, account), has);
    }
    const refusal = treasury.connect(stranger).setLimit(1n);
    await refused(refusal, treasury, "AccessControlUnauthorizedAccount", [stranger.address, role]);
  });

  it("has nothing to do a second time", async () => {
    const [maker] = await ethers.getSigners();
    const [{ treasury }, sent] = [await deploy(), await maker.getNonce()];
    assert.equal((await deploy()).treasury.target, treasury.target);
    assert.equal(await maker.getNonce(), sent);
  });
});
