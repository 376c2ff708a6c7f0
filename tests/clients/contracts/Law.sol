// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// What a vote changes: one number that only the owner may set.
contract Law is Ownable {
    uint256 public limit;

    event LimitSet(uint256 indexed previous, uint256 current);

    constructor(address owner) Ownable(owner) {}

    function setLimit(uint256 current) external onlyOwner {
        emit LimitSet(limit, current);
        limit = current;
    }
}
