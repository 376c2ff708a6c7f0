// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Counts, and tells who counted.
contract Counter {
    uint256 public count;

    event Counted(address indexed by, uint256 count);

    constructor(uint256 start) {
        count = start;
    }

    function add(uint256 much) external {
        count += much;
        emit Counted(msg.sender, count);
    }
}
