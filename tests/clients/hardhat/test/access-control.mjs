// OpenZeppelin's AccessControl, with its rules for the admin.
import assert from "node:assert/strict";
import { deploy, done, ethers, events, newcomer, parseEther, passTime, refused } from "../lib/chain.mjs";

describe("AccessControl", () => {
  let treasury, admin, treasurer, heir, role, adminRole;

  before(async () => {
    [admin] = await ethers.getSigners();
    treasurer = await newcomer();
    heir = await newcomer();
    treasury = await deploy("Treasury", admin.address);
    role = await treasury.TREASURER();
    adminRole = await treasury.DEFAULT_ADMIN_ROLE();
    await done(admin.sendTransaction({ to: treasury, value: parseEther("1") }));
  });

  it("refuses who has no role", async () => {
    const wanted = [treasurer.address, role];
    await refused(treasury.connect(treasurer).setLimit(5n), treasury, "AccessControlUnauthorizedAccount", wanted);
    const grant = treasury.connect(treasurer).grantRole(role, treasurer);
    await refused(grant, treasury, "AccessControlUnauthorizedAccount", [treasurer.address, adminRole]);
  });

  it("lets who was granted it do what the role may", async () => {
    const receipt = await done(treasury.grantRole(role, treasurer));
    const args = [role, treasurer.address, admin.address];
    assert.deepEqual(events(receipt, treasury), [{ name: "RoleGranted", args }]);
    await done(treasury.connect(treasurer).setLimit(5n));
    const to = ethers.Wallet.createRandom().address;
    await done(treasury.connect(treasurer).pay(to, 5n));
    assert.equal(await ethers.provider.getBalance(to), 5n);
    await refused(treasury.connect(treasurer).pay(to, 6n), treasury, "AboveLimit", [6n, 5n]);
  });

  it("takes a role back, and lets it be given up", async () => {
    await done(treasury.revokeRole(role, treasurer));
    assert.equal(await treasury.hasRole(role, treasurer), false);
    await done(treasury.grantRole(role, treasurer));
    await refused(treasury.renounceRole(role, treasurer), treasury, "AccessControlBadConfirmation");
    await done(treasury.connect(treasurer).renounceRole(role, treasurer));
    assert.equal(await treasury.hasRole(role, treasurer), false);
  });

  it("changes its admin in two steps, and not before its time", async () => {
    await done(treasury.beginDefaultAdminTransfer(heir));
    const [next, schedule] = await treasury.pendingDefaultAdmin();
    assert.equal(next, heir.address);
    const { timestamp } = await ethers.provider.getBlock("latest");
    if (timestamp <= schedule) {
      const early = treasury.connect(heir).acceptDefaultAdminTransfer();
      await refused(early, treasury, "AccessControlEnforcedDefaultAdminDelay", [schedule]);
    }
    await passTime(schedule);
    await done(treasury.connect(heir).acceptDefaultAdminTransfer());
    assert.equal(await treasury.defaultAdmin(), heir.address);
    assert.equal(await treasury.hasRole(adminRole, admin), false);
  });
});
