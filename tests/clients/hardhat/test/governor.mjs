// OpenZeppelin's Governor with a timelock: from a proposal to its effect.
import assert from "node:assert/strict";
import { deploy, done, ethers, events, newcomer, parseEther, passBlock, passTime, refused } from "../lib/chain.mjs";

const STATE = { Pending: 0n, Active: 1n, Canceled: 2n, Defeated: 3n, Succeeded: 4n, Queued: 5n, Executed: 7n };
const [AGAINST, FOR] = [0, 1];

describe("Governor", () => {
  let coin, council, timelock, treasury, owner, friend, call;

  /** Proposes; resolves to the proposal's id. */
  async function propose(description) {
    const receipt = await done(council.propose(...call, description));
    const [{ name, args }] = events(receipt, council);
    assert.equal(name, "ProposalCreated");
    return args[0];
  }

  before(async () => {
    [owner] = await ethers.getSigners();
    friend = await newcomer();
    coin = await deploy("Coin", "Votes", parseEther("1000"));
    timelock = await deploy("TimelockController", 1, [], [], owner.address);
    council = await deploy("Council", coin.target, timelock.target);
    treasury = await deploy("Treasury", owner.address);
    await done(timelock.grantRole(await timelock.PROPOSER_ROLE(), council));
    await done(timelock.grantRole(await timelock.EXECUTOR_ROLE(), ethers.ZeroAddress));
    await done(timelock.renounceRole(await timelock.DEFAULT_ADMIN_ROLE(), owner));
    await done(treasury.grantRole(await treasury.TREASURER(), timelock));
    await done(coin.delegate(owner));
    await done(coin.transfer(friend, parseEther("300")));
    await done(coin.connect(friend).delegate(friend));
    call = [[treasury.target], [0n], [treasury.interface.encodeFunctionData("setLimit", [77n])]];
  });

  it("is not for who has too few votes", async () => {
    const stranger = await newcomer();
    const proposal = council.connect(stranger).propose(...call, "mine");
    await refused(proposal, council, "GovernorInsufficientProposerVotes", [stranger.address, 0n, parseEther("1")]);
  });

  it("votes, queues, waits, executes: and the treasury has changed", async () => {
    const description = "a limit of 77";
    const rest = [...call, ethers.id(description)];
    const id = await propose(description);
    assert.equal(await council.state(id), STATE.Pending);
    await refused(council.castVote(id, FOR), council, "GovernorUnexpectedProposalState");

    await passBlock(Number(await council.proposalSnapshot(id)) + 1);
    assert.equal(await council.state(id), STATE.Active);
    await done(council.castVoteWithReason(id, FOR, "yes"));
    await done(council.connect(friend).castVote(id, AGAINST));
    await refused(council.castVote(id, FOR), council, "GovernorAlreadyCastVote", [owner.address]);
    const votes = await council.proposalVotes(id);
    assert.deepEqual(votes.toArray(), [parseEther("300"), parseEther("700"), 0n]);

    await passBlock(Number(await council.proposalDeadline(id)) + 1);
    assert.equal(await council.state(id), STATE.Succeeded);
    await done(council.queue(...rest));
    assert.equal(await council.state(id), STATE.Queued);

    await passTime(await council.proposalEta(id));
    const receipt = await done(council.connect(friend).execute(...rest));
    assert.equal(await council.state(id), STATE.Executed);
    assert.equal(await treasury.limit(), 77n);
    assert.deepEqual(
      events(receipt, timelock).map(({ name }) => name),
      ["CallExecuted"],
    );
  });

  it("is defeated without a quorum", async () => {
    const id = await propose("nobody cares");
    await passBlock(Number(await council.proposalDeadline(id)) + 1);
    assert.equal(await council.state(id), STATE.Defeated);
    const execute = council.execute(...call, ethers.id("nobody cares"));
    await refused(execute, council, "GovernorUnexpectedProposalState");
  });

  it("is cancelled by who proposed it", async () => {
    const id = await propose("never mind");
    await done(council.cancel(...call, ethers.id("never mind")));
    assert.equal(await council.state(id), STATE.Canceled);
  });

  it("alone may change its own settings", async () => {
    await refused(council.setVotingPeriod(1), council, "GovernorOnlyExecutor", [owner.address]);
  });
});
