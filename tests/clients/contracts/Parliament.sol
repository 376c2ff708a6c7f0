// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";

/// Decides by the token's votes: one block of delay, eight blocks to vote, a quorum of 100 tokens.
contract Parliament is Governor, GovernorCountingSimple, GovernorVotes {
    constructor(IVotes token) Governor("Parliament") GovernorVotes(token) {}

    function votingDelay() public pure override returns (uint256) {
        return 1;
    }

    function votingPeriod() public pure override returns (uint256) {
        return 8;
    }

    function quorum(uint256) public pure override returns (uint256) {
        return 100 ether;
    }
}
